"""Payment events: what happened to payments later, asked for at the provider or sent by its webhooks.

`python -m flows.operations` has it as a command. Its deployment asks every five minutes.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import uvicorn
from prefect import flow
from pydantic import Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agents.orders import payment_events as events
from agents.orders.payment_webhook import WEBHOOKS
from agents.orders.scenario import ORDERS
from agents.runtime.context import open_runtime
from agents.runtime.journal import Journal
from agents.runtime.provided import with_services
from agents.runtime.recovery.reconciliation import Difference, JournalView, Window
from agents.runtime.settings import settings
from agents.runtime.telemetry import get_logger
from agents.services import connect_services
from agents.workflow.exit_status import ExitStatus
from agents.workflow.incoming_webhooks import EventRefused, EventTooLarge
from flows.cli.http_endpoint import listen, serving
from flows.cli.reports import Listing, shown
from flows.operations.reconciliation import named_differences

log = get_logger(__name__)

PATH = f"/webhooks/{events.SYSTEM}"
LOOK_SECONDS = 1.0


@flow(name="payment-events", flow_run_name="payment events", persist_result=False)
async def payment_events(
    port: Annotated[int, Field(ge=0, le=65_535)] | None = None,
    for_seconds: Annotated[float, Field(ge=0)] = 3_600.0,
) -> Listing:
    """Look at payments that have changed at the provider: failed refunds, disputes, expired holds.

    Each payment that no longer fits its order is listed with what to do, and raises an alert.
    Exit status 3: a person must act.

    Example: `uv run python -m flows.operations payment-events`

    Args:
        port: Also serve the webhook endpoint /webhooks/payments on this port of the loopback
            interface, behind your own gateway with TLS. Without it the provider is asked once.
        for_seconds: Seconds after which serving the endpoint ends.

    """
    async with open_runtime(settings()) as opened, connect_services(settings()):
        await with_services(events.poll)(opened.journal.database)
        count, named = await _handled(opened.journal)
        if port is not None:
            until = time.monotonic() + for_seconds
            async with _endpoint(port):
                while time.monotonic() < until and not opened.stop.asked:
                    await opened.stop.wait(LOOK_SECONDS)
                    more, later = await _handled(opened.journal)
                    count, named = count + more, named + later
    table = [
        {"item": d.item, "difference": d.what, "found": d.found, "what to do": d.advice}
        for d in named
    ]
    title, code = f"{count:,} payments need a person", ExitStatus.PERSON_NEEDED if count else 0
    return await shown("payment-events", Listing(title=title, table=table, code=code))


async def _handled(journal: Journal) -> tuple[int, list[Difference]]:
    """Handle the events that are new; return what a person must see."""
    view = JournalView(journal, ORDERS, Window(0.0, time.time()))
    return await named_differences(with_services(events.differences)(view), ORDERS.name)


@asynccontextmanager
async def _endpoint(port: int) -> AsyncIterator[None]:
    """Serve the webhook endpoint. Raises PortTaken."""
    listener = listen(port)
    app = Starlette(routes=[Route(PATH, _receive, methods=["POST"])])
    config = uvicorn.Config(app, lifespan="off", ws="none", access_log=False, log_level="warning")
    async with serving(config, listener):
        log.info("receiving events", url=f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}")
        yield


async def _receive(request: Request) -> Response:
    """Keep an event: 2xx as soon as it is in the journal, 400 if nothing of it is believed."""
    [webhook] = WEBHOOKS
    try:
        await webhook.take(request.stream(), request.headers)
    except EventTooLarge:
        return Response(status_code=413)
    except EventRefused as error:
        log.warning("event refused", reason=str(error))
        return Response(status_code=400)
    return Response(status_code=204)
