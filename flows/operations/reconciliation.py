"""Comparison: what the providers hold, held against what the journal says, each difference named.

`python -m flows.operations` has it as a command.
"""

import time
from collections import Counter
from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.journal import Journal
from agents.runtime.journal.submit import current_rows
from agents.runtime.prefect_ui import alert
from agents.runtime.provided import with_services
from agents.runtime.recovery.reconciliation import Difference, JournalView, Window, undo_found
from agents.runtime.settings import settings
from agents.services import connect_services
from flows.cli.parameters import ReconciledName
from flows.cli.reports import Listing, shown
from flows.operations.resume import finish
from flows.workflows import WORKFLOWS, Workflow

MINUTE, DAY = 60.0, 86_400.0
MOST_NAMED = 1_000  # rows of a kind: more than anybody reads, and an alert each
DIFFERENT = 3  # the exit status when something is left to see to
UNDONE = "undone"


@flow(name="reconcile", persist_result=False)
async def reconcile(
    scenario: ReconciledName = "orders",
    days: Annotated[float, Field(ge=0.1, le=80)] = 7.0,
    at_rest_minutes: Annotated[float, Field(ge=0)] = 10.0,
    *,
    undo: bool = False,
) -> Listing:
    """Compare the journal with the providers, and name each difference with what to do about it.

    Args:
        scenario: Whose.
        days: What providers hold since then; fewer than after which the journal is pruned.
        at_rest_minutes: What changed less than so long ago may be under way and is left out.
        undo: Undo what is found at a provider although its item has ended undone.

    """
    workflow, now = WORKFLOWS[scenario], time.time()
    window = Window(now - days * DAY, now - at_rest_minutes * MINUTE)
    async with open_runtime(settings()) as opened, connect_services(settings()):
        count, named = await _found(
            workflow, JournalView(opened.journal, workflow.scenario, window)
        )
        done = await _undone(opened.journal, workflow, named) if undo else {}
    table = [
        {"item": d.item, "difference": d.what, "found": d.found, "what to do": _to_do(d, done)}
        for d in named
    ]
    left = count - sum(state == UNDONE for state in map(done.get, map(_id, named)))
    more = [f"{count - len(named):,} more are not named"] if count > len(named) else []
    title = f"{count:,} differences, {count - left:,} undone"
    listing = Listing(title=title, table=table, lines=more, code=DIFFERENT if left else 0)
    return await shown("reconcile", listing)


async def _found(workflow: Workflow, view: JournalView) -> tuple[int, list[Difference]]:
    """How many differences there are, and the first of them, each with an alert.

    Every kind has its own room: what can be undone, or is found last, must not starve behind a flood.
    """
    counted, named = Counter[str](), list[Difference]()
    differences = workflow.reconcile
    assert differences is not None, "its name would not be a ReconciledName"
    async for difference in with_services(differences)(view):
        counted[difference.what] += 1
        if counted[difference.what] <= MOST_NAMED:
            named.append(difference)
            reason = f"{difference.what}: {difference.found}; {difference.advice}"
            alert("difference", workflow.scenario.name, difference.item, reason)
    return counted.total(), named


async def _undone(journal: Journal, workflow: Workflow, named: list[Difference]) -> dict[int, str]:
    """What became of the items that were compensated once more, by their ids."""
    ids = await undo_found(journal, named)
    if ids:
        await finish(workflow, ids)
    rows = await current_rows(journal.database, ids)
    return {row.id: UNDONE if row.ended_at else f"is being undone: {row.state}" for row in rows}


def _id(difference: Difference) -> int:
    return difference.of.item.id if difference.of else 0


def _to_do(difference: Difference, done: dict[int, str]) -> str:
    return done.get(_id(difference), difference.advice)
