"""Reconciliation: compares what the providers hold with the journal and names each difference.

`python -m flows.operations` has it as a command.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.runtime.alerts import Alert, send
from agents.runtime.context import open_runtime
from agents.runtime.journal import Journal
from agents.runtime.journal.pruning import RECONCILED_DAYS
from agents.runtime.journal.submit import current_rows
from agents.runtime.provided import with_services
from agents.runtime.recovery.reconciliation import Difference, JournalView, Window, undo_found
from agents.runtime.settings import settings
from agents.services import connect_services
from agents.workflow.exit_status import ExitStatus
from flows.cli.parameters import ReconciledName
from flows.cli.reports import Listing, shown
from flows.operations.resume import finish
from flows.workflows import WORKFLOWS, Workflow

MINUTE, DAY = 60.0, 86_400.0
MOST_NAMED = 1_000  # rows of one kind
UNDONE = "undone"


@flow(name="reconcile", flow_run_name="reconcile {scenario}, {days} days", persist_result=False)
async def reconcile(
    scenario: ReconciledName = "orders",
    days: Annotated[float, Field(ge=0.1, le=RECONCILED_DAYS)] = 7.0,
    at_rest_minutes: Annotated[float, Field(ge=0)] = 10.0,
    *,
    undo: bool = False,
) -> Listing:
    """Compare payments, reservations and bookings at the providers with the journal.

    Each difference is listed with what to do about it. Exit status 3: a person must act.

    Example: `uv run python -m flows.operations reconcile --days 7 --undo`

    Args:
        scenario: Scenario to reconcile.
        days: Days to look back, 0.1 to 80.
        at_rest_minutes: Items that changed in the last this many minutes are left out, since they
            may still be in work.
        undo: Also undo what a provider holds for an item that has been undone.

    """
    workflow, now = WORKFLOWS[scenario], time.time()
    window = Window(now - days * DAY, now - at_rest_minutes * MINUTE)
    async with open_runtime(settings()) as opened, connect_services(settings()):
        view = JournalView(opened.journal, workflow.scenario, window)
        assert workflow.reconcile is not None, "only a ReconciledName gets here"
        count, named = await named_differences(with_services(workflow.reconcile)(view), scenario)
        done = await _undone(opened.journal, workflow, named) if undo else {}
    table = [
        {"item": d.item, "difference": d.what, "found": d.found, "what to do": _to_do(d, done)}
        for d in named
    ]
    left = count - sum(state == UNDONE for state in map(done.get, map(_id, named)))
    more = [f"{count - len(named):,} more are not listed"] if count > len(named) else []
    title = f"{count:,} differences, {count - left:,} undone"
    listing = Listing(
        title=title, table=table, lines=more, code=ExitStatus.PERSON_NEEDED if left else 0
    )
    return await shown("reconcile", listing)


async def named_differences(
    differences: AsyncIterator[Difference], scenario: str
) -> tuple[int, list[Difference]]:
    """The number of differences and the first of each kind, each with an alert.

    The limit holds for each kind, so that a flood of one kind hides no other.
    """
    counted, named, alerts = Counter[str](), list[Difference](), list[Alert]()
    async for difference in differences:
        counted[difference.what] += 1
        if counted[difference.what] <= MOST_NAMED:
            named.append(difference)
            reason = f"{difference.what}: {difference.found}; {difference.advice}"
            alerts.append(Alert("difference", scenario, difference.item, reason))
    await send(alerts)
    return counted.total(), named


async def _undone(journal: Journal, workflow: Workflow, named: list[Difference]) -> dict[int, str]:
    """Undo what was found; return the result of each item by its id."""
    ids = await undo_found(journal, named)
    if ids:
        await finish(workflow, ids)
    rows = await current_rows(journal.database, ids)
    return {row.id: UNDONE if row.ended_at else f"is being undone: {row.state}" for row in rows}


def _id(difference: Difference) -> int:
    return difference.of.item.id if difference.of else 0


def _to_do(difference: Difference, done: dict[int, str]) -> str:
    return done.get(_id(difference), difference.advice)
