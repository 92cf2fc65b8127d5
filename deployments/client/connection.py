"""Requests to one gateway with one key: sent again after a broken connection or while it is busy."""

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx

from deployments.client.errors import GatewayError, error_of_response
from deployments.client.retries import Retries

TIMEOUT = httpx.Timeout(30.0, read=60.0)  # seconds; a reply to a turn may take half a minute


class Connection:
    """Connections to the gateway; see Gateway for the arguments."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        retries: Retries,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self.retries = retries
        self._http = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=TIMEOUT, transport=transport
        )

    async def close(self) -> None:
        """Close them."""
        await self._http.aclose()

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer to a request; one that changes something needs an Idempotency-Key.

        Raises GatewayError, and httpx.TransportError if the gateway cannot be reached.
        """
        async for attempt in self.retries.each():
            try:
                answer = await self._http.request(method, path, **options)
                if not answer.is_success:
                    raise error_of_response(answer)
                return answer
            except (httpx.TransportError, GatewayError) as error:
                attempt.failed(error)
        raise AssertionError("the last attempt raises its error")

    @asynccontextmanager
    async def streamed(
        self, method: str, path: str, **options: Any
    ) -> AsyncIterator[AsyncIterator[str]]:
        """The lines of an answer while they come; sent once. Raises as `request` does."""
        async with self._http.stream(method, path, **options) as answer:
            if not answer.is_success:
                await answer.aread()
                raise error_of_response(answer)
            yield answer.aiter_lines()


def new_key() -> str:
    """A random Idempotency-Key."""
    return uuid.uuid4().hex


def path_of(*parts: str) -> str:
    """The path of these parts, each of which may have any character."""
    return "/" + "/".join(quote(part, safe="") for part in parts)
