"""Pruning: deletes what the journal holds of items that ended long ago, except one row each."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.journal import api_requests, conversations, pruning, webhook_deliveries
from agents.runtime.settings import settings
from flows.cli.reports import Listing, shown
from flows.workflows import WORKFLOWS

DAY = 86_400.0


@flow(name="prune", flow_run_name="prune after {older_than_days} days", persist_result=False)
async def prune(older_than_days: Annotated[float, Field(gt=0)] = 90.0) -> Listing:
    """Delete the details of items that ended long ago; one row each is kept to recognise repeats.

    Idempotency keys of the gateway are forgotten 30 days after their first use, webhook events 30 days
    after they arrived, or 90 days after they could not be delivered. Conversations are deleted with
    their last turn.

    Example: `uv run python -m flows.operations prune --older-than-days 90`

    Args:
        older_than_days: Items that ended, and conversations without a turn since, more than this many days ago.

    """
    async with open_runtime(settings()) as opened:
        table = [
            {
                "scenario": name,
                "items": f"{await pruning.prune(opened.journal, name, older_than_days * DAY):,}",
            }
            for name in WORKFLOWS
        ]
        forgotten = await api_requests.forget_keys(opened.journal.database)
        table.append({"scenario": "idempotency keys", "items": f"{forgotten:,}"})
        talks = await conversations.forget_old(opened.journal.database, older_than_days * DAY)
        table.append({"scenario": "conversations", "items": f"{talks:,}"})
        events = await webhook_deliveries.forget_old(opened.journal.database)
        table.append({"scenario": "webhook events", "items": f"{events:,}"})
    return await shown("prune", Listing(title="pruned", table=table))
