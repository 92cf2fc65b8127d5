"""Recovery: finishes what no living process holds, and calls people where they are needed."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.journal.queries import letters
from agents.runtime.prefect_ui import alert
from agents.runtime.recovery import recovery
from agents.runtime.settings import settings
from agents.services import connect_services
from flows.cli.reports import Listing, shown
from flows.operations.resume import finish
from flows.workflows import WORKFLOWS

HOUR = 3600.0


@flow(name="recover", persist_result=False)
async def recover(
    escalate_after_hours: Annotated[float, Field(ge=0)] = 24.0,
    reject_after_hours: Annotated[float, Field(ge=0)] = 72.0,
    letter_limit_hours: Annotated[float, Field(ge=0)] = 24.0,
) -> Listing:
    """Finish what nobody works on, send what was not sent, and call people where they are needed.

    Args:
        escalate_after_hours: An item waiting longer for a decision is escalated.
        reject_after_hours: An item escalated so long ago is rejected by time-out.
        letter_limit_hours: A dead letter older than this raises an alert.

    """
    async with open_runtime(settings()) as opened, connect_services(settings()):
        table = []
        for name, workflow in WORKFLOWS.items():
            overdue = await recovery.apply_timeouts(
                opened.journal, name, escalate_after_hours * HOUR, reject_after_hours * HOUR
            )
            finished = await finish(workflow)
            sent = 0
            if (notify := workflow.notifier()) is not None:
                sent = await recovery.send_unsent_notices(opened.journal, workflow.scenario, notify)
            old = await letters(opened.journal, name, older_than=letter_limit_hours * HOUR)
            for row in old:
                alert("dead-letter.old", name, row.key, row.error)
            done = dict(finished.outcomes) | overdue | {"messages": sent, "old letters": len(old)}
            table += [
                {"scenario": name, "what": w, "items": f"{n:,}"} for w, n in done.items() if n
            ]
        crashed = await recovery.remove_crashed_workers(opened.journal)
    if crashed:
        table.append(
            {"scenario": "-", "what": "flow runs of dead processes", "items": str(crashed)}
        )
    return await shown("recover", Listing(title="recovered", table=table))
