"""Starts the gateway on the loopback interface, beside journal, Valkey, Prefect's server and consumers.

Run it with `python -m deployments.gateway`. Ctrl-C or SIGTERM ends it within ten seconds.
"""

import asyncio
import hmac
import secrets
import socket
import sys
from functools import partial
from typing import Annotated

import uvicorn
from cyclopts import App, Parameter, validators
from starlette.requests import Request

from agents.runtime.command_line import in_words
from agents.runtime.context import open_runtime
from agents.runtime.settings import settings
from agents.runtime.shutdown import Stop
from agents.runtime.telemetry import start_telemetry
from agents.services import connect_services
from deployments.gateway.access import Authenticate, Principal, Scope
from deployments.gateway.app import create_app
from deployments.gateway.consuming import Consumers, consuming
from deployments.gateway.problems import Problem
from deployments.gateway.request_limits import LimitedProtocol
from flows.cli.commands import ENDING, keep_log_off_terminal
from flows.cli.error_messages import explained
from flows.cli.http_endpoint import listen, serving

MOST_CONNECTIONS = 2_000
LAST_REQUESTS_SECONDS = 3  # for requests in work when the gateway ends
LOOK_SECONDS = 1.0
STOPPED = "stopped: what was accepted is in the journal, and what was in work is handed back"
Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65_535))]

app = App(name="python -m deployments.gateway", version_flags=[])


@app.default
def start(*, port: Port = 8484, consumers: bool = True) -> None:
    """Serve the API and the console to this machine alone, until Ctrl-C.

    Args:
        port: Port of the loopback interface; 0 takes one that is free, and the first line names it.
        consumers: Process what is accepted here. Without it, consumers elsewhere do, as in a cluster.

    """
    ENDING.install()
    keep_log_off_terminal()
    in_words(
        lambda: asyncio.run(_serve(port, consumers=consumers)),
        ENDING,
        partial(explained, {}),
        STOPPED,
    )
    sys.exit(0)


async def _serve(port: int, *, consumers: bool) -> None:
    with ENDING.cancels_task():
        start_telemetry(settings())
        listener = listen(port)
        key = secrets.token_urlsafe(32)
        async with open_runtime(settings()) as opened, connect_services(settings()):
            config = _config(_with_key(key))
            async with serving(config, listener):
                _say(listener, key)
                if not consumers:
                    await _until_stopped(opened.stop, None)
                    return
                async with consuming() as started:
                    await _until_stopped(opened.stop, started)


def _config(authenticate: Authenticate) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(authenticate),
        lifespan="on",
        ws="none",
        http=LimitedProtocol,
        access_log=False,
        log_config=None,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=LAST_REQUESTS_SECONDS,
    )


async def _until_stopped(stop: Stop, started: Consumers | None) -> None:
    """Wait for Ctrl-C or SIGTERM. Raises what ended the consumers."""
    while not stop.asked:
        await stop.wait(LOOK_SECONDS)
        if started is not None and started.failure is not None:
            raise started.failure


def _say(listener: socket.socket, key: str) -> None:
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    print(f"gateway: {address}")
    print(f"key:     {key} (shown once; send it as Authorization: Bearer <key>)", flush=True)


def _with_key(key: str) -> Authenticate:
    """Lets callers with this key do everything, as one person of the process's own tenant."""
    principal = Principal("operator", settings().tenant, frozenset(Scope))
    wanted = f"Bearer {key}".encode()

    async def authenticate(request: Request) -> Principal:
        given = request.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, wanted):
            raise Problem(
                401,
                "no-credentials",
                "no key, or not the key of this gateway",
                "send Authorization: Bearer with the key that the gateway has printed",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return principal

    return authenticate


if __name__ == "__main__":
    app()
