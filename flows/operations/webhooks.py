"""Webhook events: a long flow run that delivers them where no gateway runs, or beside one.

Several may run at once: each delivery is claimed by a lease.
"""

from typing import Annotated, Any

from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.model.api_versions import chain_after
from agents.runtime.settings import settings
from agents.services.fetching.posting import Poster
from agents.workflow.webhook_delivery import Sender
from flows.cli.reports import Listing, shown
from flows.workflows import WORKFLOWS

HOUR = 3_600.0


@flow(name="send-webhooks", flow_run_name="webhooks for {for_seconds} s", persist_result=False)
async def send_webhooks(for_seconds: Annotated[float, Field(ge=0)] = HOUR) -> Listing:
    """Deliver webhook events to the endpoints that tenants have registered at the gateway.

    The gateway does this too while it runs.

    Example: `uv run python -m flows.operations send-webhooks --for-seconds 60`

    Args:
        for_seconds: Seconds after which the run ends; with 0, what is due now is sent once.

    """
    async with open_runtime(settings()) as opened:
        poster = Poster(frozenset(opened.settings.webhook_allowed))
        sender = Sender(opened.journal.database, poster, _in_version)
        if for_seconds:
            await sender.run(opened.stop, for_seconds)
        else:
            await sender.deliver_due()
    table = [{"outcome": word, "attempts": f"{n:,}"} for word, n in sender.outcomes.items()]
    title = f"{sender.outcomes.total():,} attempts"
    return await shown("send-webhooks", Listing(title=title, table=table))


def _in_version(version: str, workflow: str, data: Any) -> Any:
    return chain_after(version, WORKFLOWS[workflow].api).downcast_event(data)
