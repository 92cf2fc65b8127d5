"""A proxy before Prefect's server that makes it unwell: it fails, asks for patience, denies, or is slow."""

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

Mood = Literal["well", "failing", "denying", "slow"]
HOP_BY_HOP = {"connection", "content-encoding", "content-length", "host", "transfer-encoding"}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
SHARE = 0.3  # of the requests meet what the mood says
SLOWNESS = 1.0  # seconds


class UnwellServer:
    """What stands before the server at `upstream`; `mood` may be changed at any time."""

    def __init__(self, upstream: str, seed: int) -> None:
        self.mood: Mood = "well"
        self.spoilt = 0
        self.url = ""
        self._rng = Random(seed)
        self._upstream = httpx.AsyncClient(base_url=upstream, trust_env=False, timeout=60)

    async def answer(self, request: Request) -> Response:
        """The server's answer, or what the mood makes of it."""
        if self.mood != "well" and self._rng.random() < SHARE:
            self.spoilt += 1
            if self.mood == "denying":
                return Response(status_code=401)
            if self.mood == "failing":
                return self._rng.choice(
                    (
                        Response(status_code=500),
                        Response(status_code=429, headers={"Retry-After": "1"}),
                    )
                )
            await asyncio.sleep(SLOWNESS)
        return await self._passed_on(request)

    async def _passed_on(self, request: Request) -> Response:
        told = await self._upstream.request(
            request.method,
            request.url.path,
            params=request.query_params,
            content=await request.body(),
            headers=[(k, v) for k, v in request.headers.items() if k not in HOP_BY_HOP],
        )
        headers = {k: v for k, v in told.headers.items() if k not in HOP_BY_HOP}
        return Response(told.content, told.status_code, headers)


@asynccontextmanager
async def unwell(upstream: str, seed: int) -> AsyncIterator[UnwellServer]:
    """The proxy on a port of its own; it does not pass on websockets, so events are lost as well."""
    proxy, port = UnwellServer(upstream, seed), free_port()
    proxy.url = f"http://127.0.0.1:{port}/api"
    app = Starlette(routes=[Route("/{path:path}", proxy.answer, methods=METHODS)])
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        yield proxy
    finally:
        server.should_exit = True
        await serving
        await proxy._upstream.aclose()
