"""A transport between client and gateway that fails as a network does, by a list of what happens."""

from collections.abc import AsyncIterator, Sequence
from typing import Literal

import httpx

Fault = Literal["", "refused", "answer lost", "busy", "cut"]


class Unsteady(httpx.AsyncBaseTransport):
    """Passes requests on; the first ones meet these faults, one each. `keys` are their Idempotency-Keys."""

    def __init__(self, inner: httpx.AsyncBaseTransport, faults: Sequence[Fault]) -> None:
        self._inner, self._faults = inner, [*faults]
        self.keys: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.keys.append(request.headers.get("idempotency-key", ""))
        fault = self._faults.pop(0) if self._faults else ""
        if fault == "refused":
            raise httpx.ConnectError("refused", request=request)
        if fault == "busy":
            return httpx.Response(503, headers={"Retry-After": "0"}, request=request)
        response = await self._inner.handle_async_request(request)
        if fault == "answer lost":
            await response.aread()
            raise httpx.ReadError("the connection broke", request=request)
        if fault == "cut":
            body = await response.aread()
            return httpx.Response(200, stream=Cut(body[: len(body) // 2]), request=request)
        return response


class Cut(httpx.AsyncByteStream):
    """A body that breaks off."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body
        raise httpx.ReadError("the connection broke")
