"""Starts the gateway on the loopback interface, beside journal, Valkey, Prefect's server and consumers.

Run it with `python -m deployments.gateway`. Ctrl-C or SIGTERM ends it within ten seconds.
"""

import asyncio
import socket
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import uvicorn
from cyclopts import App, Parameter, validators

from agents.runtime.command_line import in_words
from agents.runtime.context import Runtime, open_runtime
from agents.runtime.journal.api_keys import first_key
from agents.runtime.settings import settings
from agents.runtime.shutdown import Stop
from agents.runtime.telemetry import start_telemetry
from agents.services import connect_services
from deployments.gateway.access import Scope
from deployments.gateway.app import create_app
from deployments.gateway.consuming import Consumers, consuming
from deployments.gateway.demo import put_sample
from deployments.gateway.request_limits import LimitedProtocol
from deployments.gateway.trust import authenticator, is_loopback, require_closed
from flows.cli.commands import ENDING, keep_log_off_terminal
from flows.cli.error_messages import explained
from flows.cli.http_endpoint import listen, serving

LOOPBACK = "127.0.0.1"
MOST_CONNECTIONS = 2_000
LAST_REQUESTS_SECONDS = 3  # for requests in work when the gateway ends
LOOK_SECONDS = 1.0
STOPPED = "stopped: what was accepted is in the journal, and what was in work is handed back"
OTHER_KEY = "made by: uv run python -m deployments.gateway.trust.new_key NAME --by YOU --reason WHY"
Port = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65_535))]

command = App(name="python -m deployments.gateway", version_flags=[])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for."""

    port: int
    host: str
    consumers: bool
    sample: bool


@command.default
def start(
    *, port: Port = 8484, host: str = LOOPBACK, consumers: bool = True, sample: bool = False
) -> None:
    """Serve the API and the console to this machine alone, until Ctrl-C.

    Args:
        port: Port to listen on; 0 takes one that is free, and the first line names it.
        host: Address to listen on. Others than the loopback interface need keys and
            AGENT_FLOWS_GATEWAY_HOSTS.
        consumers: Process what is accepted here. Without it, consumers elsewhere do, as in a cluster.
        sample: Put sample orders, a customer and a question of that customer into the journal.

    """
    ENDING.install()
    keep_log_off_terminal()
    wanted = Wanted(port, host, consumers, sample)
    in_words(lambda: asyncio.run(_serve(wanted)), ENDING, partial(explained, {}), STOPPED)
    sys.exit(0)


async def _serve(wanted: Wanted) -> None:
    with ENDING.cancels_task():
        start_telemetry(settings())
        listener = listen(wanted.port, wanted.host)
        async with (
            open_runtime(settings()) as opened,
            connect_services(settings()),
            AsyncExitStack() as stack,
        ):
            await require_closed(wanted.host, opened.journal.database, settings())
            await stack.enter_async_context(serving(_config(), listener))
            await _say(listener, opened, wanted)
            started = None
            if wanted.consumers:
                started = await stack.enter_async_context(consuming(demo=wanted.sample))
            await _until_stopped(opened.stop, started)


def _config() -> uvicorn.Config:
    return uvicorn.Config(
        create_app(authenticator(), settings().gateway_hosts),
        http=LimitedProtocol,
        lifespan="on",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=LAST_REQUESTS_SECONDS,
    )


async def _until_stopped(stop: Stop, started: Consumers | None) -> None:
    """Wait for Ctrl-C or SIGTERM. Raises what ended the consumers."""
    while not stop.asked:
        await stop.wait(LOOK_SECONDS)
        if started is not None and started.failure is not None:
            raise started.failure


async def _say(listener: socket.socket, opened: Runtime, wanted: Wanted) -> None:
    """Print the addresses, and the keys that are shown this once.

    Where others than this machine reach it, what it prints is a log that many can read: no key is made.
    """
    host, port = listener.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    key = await first_key(opened.journal, [*Scope]) if is_loopback(host) else None
    print(f"gateway: {address}")
    print(f"console: {address}/console")
    print(f"chat:    {address}/chat")
    print(f"key:     {f'{key} (shown once)' if key else OTHER_KEY}", flush=True)
    if wanted.sample and (customer := await put_sample(opened)):
        print(f"sample:  {customer} (a customer's key for the chat, shown once)", flush=True)


if __name__ == "__main__":
    command()
