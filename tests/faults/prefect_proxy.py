"""A proxy before Prefect's server that makes requests fail, be denied or take long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Literal

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.prefect_server import free_port

FaultMode = Literal["healthy", "failing", "unavailable", "denying", "slow"]
HOP_BY_HOP = {"connection", "content-encoding", "content-length", "host", "transfer-encoding"}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
FAULT_RATE = 0.3  # share of the requests that meet the fault
DELAY = 1.0  # seconds


class FaultyProxy:
    """A proxy before the server at `upstream`; `mode` may change at any time.

    Requests whose path contains `path` meet the fault, at the rate `fault_rate`.
    """

    def __init__(self, upstream: str, seed: int) -> None:
        self.mode: FaultMode = "healthy"
        self.path, self.fault_rate = "", FAULT_RATE
        self.fault_count = 0
        self.url = ""
        self._rng = Random(seed)
        self._upstream = httpx.AsyncClient(base_url=upstream, trust_env=False, timeout=60)

    async def respond(self, request: Request) -> Response:
        """Return the server's response, or the fault of the mode."""
        hit = self.path in request.url.path and self._rng.random() < self.fault_rate
        if self.mode != "healthy" and hit:
            self.fault_count += 1
            if self.mode == "denying":
                return Response(status_code=401)
            if self.mode == "unavailable":
                return Response(status_code=503)
            if self.mode == "failing":
                return self._rng.choice(
                    (
                        Response(status_code=500),
                        Response(status_code=429, headers={"Retry-After": "1"}),
                    )
                )
            await asyncio.sleep(DELAY)
        return await self._forward(request)

    async def _forward(self, request: Request) -> Response:
        response = await self._upstream.request(
            request.method,
            request.url.path,
            params=request.query_params,
            content=await request.body(),
            headers=[(k, v) for k, v in request.headers.items() if k not in HOP_BY_HOP],
        )
        headers = {k: v for k, v in response.headers.items() if k not in HOP_BY_HOP}
        return Response(response.content, response.status_code, headers)


@asynccontextmanager
async def faulty_proxy(upstream: str, seed: int) -> AsyncIterator[FaultyProxy]:
    """Serve the proxy on a free port. It forwards no websockets, so events are lost too."""
    proxy, port = FaultyProxy(upstream, seed), free_port()
    proxy.url = f"http://127.0.0.1:{port}/api"
    app = Starlette(routes=[Route("/{path:path}", proxy.respond, methods=METHODS)])
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        yield proxy
    finally:
        server.should_exit = True
        await serving
        await proxy._upstream.aclose()
