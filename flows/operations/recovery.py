"""Recovery: finishes items that no living process holds, and alerts people."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.runtime.alerts import Alert, send
from agents.runtime.context import open_runtime
from agents.runtime.execution.agent import AGENTS
from agents.runtime.journal.queries import letters
from agents.runtime.recovery import recovery
from agents.runtime.recovery.lost_slots import give_back_lost_slots
from agents.runtime.recovery.versions import alert_missing, watch_versions
from agents.runtime.run_context import in_flow_run
from agents.runtime.settings import settings
from agents.services import connect_services
from flows.cli.reports import Listing, shown
from flows.operations.resume import finish
from flows.workflows import WORKFLOWS

HOUR = 3600.0


@flow(name="recover", flow_run_name="recover", persist_result=False)
async def recover(
    escalate_after_hours: Annotated[float, Field(ge=0)] = 24.0,
    reject_after_hours: Annotated[float, Field(ge=0)] = 72.0,
    letter_limit_hours: Annotated[float, Field(ge=0)] = 24.0,
) -> Listing:
    """Finish items that no living process holds, send unsent messages, and alert people.

    Items that wait beyond their deadline are undone. Run it every minute.

    Example: `uv run python -m flows.operations recover`

    Args:
        escalate_after_hours: An item that waits for a person longer than this is escalated.
        reject_after_hours: An item that was escalated longer ago than this is rejected.
        letter_limit_hours: A dead letter that is older than this raises an alert.

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
            await send(Alert("dead-letter.old", name, row.key, row.error, row.trace) for row in old)
            watched = await watch_versions(opened.journal, workflow.scenario)
            missing = await alert_missing(opened.journal, workflow.scenario)
            done = (
                dict(finished.outcomes)
                | overdue
                | {"messages": sent, "old dead letters": len(old)}
                | watched
                | {"versions missing": len(missing)}
            )
            table += [
                {"scenario": name, "what": w, "items": f"{n:,}"} for w, n in done.items() if n
            ]
        everywhere = {
            "flow runs of dead processes": await recovery.remove_crashed_workers(opened.journal),
            "slots of lost leases": await _give_back_slots(),
        }
    table += [{"scenario": "-", "what": w, "items": f"{n:,}"} for w, n in everywhere.items() if n]
    return await shown("recover", Listing(title="recovered", table=table))


async def _give_back_slots() -> int:
    """Free what is lost of the limits that our agents take slots of; without a server there are none."""
    if not in_flow_run():
        return 0
    limits = {agent.policy.limit for agent in AGENTS.values() if agent.policy.limit is not None}
    return await give_back_lost_slots(limits)
