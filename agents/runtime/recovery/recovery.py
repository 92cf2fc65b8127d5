"""Recovery beside the items themselves: overdue decisions, unsent notices, rows of crashed workers."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed
from sqlalchemy import delete, select

from agents.runtime.alerts import Alert, send
from agents.runtime.errors import IllegalTransition
from agents.runtime.execution.agent import Agent
from agents.runtime.execution.rehydrate import load_ended
from agents.runtime.journal import Journal, operator_actions
from agents.runtime.journal.database import now
from agents.runtime.journal.notices import items_with_due_notices, settle_interrupted
from agents.runtime.journal.operator_actions import OperatorAction
from agents.runtime.journal.queries import waiting
from agents.runtime.journal.resources import give_back_all
from agents.runtime.journal.schema import items, owners
from agents.runtime.journal.waits import restart_waits
from agents.runtime.model.batch import Batch, BatchContext, RunStats
from agents.runtime.model.lifecycle import State as ItemState
from agents.runtime.model.scenario import Scenario
from agents.runtime.run_context import in_flow_run
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

RECONCILER = "reconciler"  # the name under which the history has these actions
AT_ONCE = 256  # items whose notices are sent together
MOST_WAITING = 100_000  # practically all, so that items before their time-out do not hide others


async def apply_timeouts(
    journal: Journal, scenario: str, escalate_after: float, reject_after: float
) -> dict[str, int]:
    """Escalate items that wait for `escalate_after` seconds, and reject them `reject_after` later.

    An item with a request to cancel is cancelled, and one past its deadline is compensated. An
    operator or another process that acts at the same time wins. Returns how many items were
    cancelled, expired, escalated and rejected.
    """
    await restart_waits(journal.database, scenario, reject_after)
    done = {"cancelled": 0, "expired": 0, "escalated": 0, "rejected by time-out": 0}
    alerts = list[Alert]()
    for row in await waiting(journal, scenario, most=MOST_WAITING):
        with suppress(IllegalTransition):
            if row.cancel_requested and row.state == ItemState.WAITING:
                reason = "the request to cancel came while a process held the item"
                action = _action(scenario, row.key, reason)
                await operator_actions.cancel(journal, action)
                done["cancelled"] += 1
            elif row.overdue and row.state == ItemState.WAITING:
                action = _action(scenario, row.key, "the deadline has passed")
                await operator_actions.expire(journal, action)
                done["expired"] += 1
            elif row.due is not None and row.due <= 0:
                action = _action(scenario, row.key, "no decision in time")
                await operator_actions.decide(journal, action, approved=False)
                done["rejected by time-out"] += 1
            elif row.due is None and row.age >= escalate_after:
                reason = f"has waited for {row.age:.0f} s"
                action = _action(scenario, row.key, reason)
                if await operator_actions.escalate(journal, action, reject_after):
                    reason = row.reason or ""
                    alerts.append(Alert("escalated", scenario, row.key, reason, row.trace))
                    done["escalated"] += 1
    await send(alerts)
    return done


def _action(scenario: str, key: str, reason: str) -> OperatorAction:
    return OperatorAction(scenario, key, RECONCILER, reason, automatic=True)


async def send_unsent_notices(journal: Journal, scenario: Scenario, notify: Agent[..., Any]) -> int:
    """Send the notices that are due; returns the number of their items.

    One that a crashed process was sending is unknown and not sent again. When nothing of a batch can
    be sent, the messenger is away and the rest waits for the next time.
    """
    reason = "it is unknown whether a message was sent: the process that was sending it has ended"
    interrupted = await settle_interrupted(journal, scenario.name)
    await send(Alert("undelivered", scenario.name, key, reason) for key in interrupted)
    ids = await items_with_due_notices(journal, scenario.name)
    for start in range(0, len(ids), AT_ONCE):
        metrics = await send_notices(journal, scenario, notify, ids[start : start + AT_ONCE])
        if metrics["messages unsent"] and not metrics["messages sent"]:
            break
    return len(ids)


async def send_notices(
    journal: Journal, scenario: Scenario, notify: Agent[..., Any], ids: Sequence[int]
) -> Counter[str]:
    """Send the due notices of these items, which have ended; returns what became of them."""
    context = BatchContext(scenario, RunStats())
    if ids:
        context.ended = await load_ended(journal.database, scenario, ids)
        await notify(Batch(context, []))
    context.stats.metrics["messages unsent"] = context.unsent.total()
    return context.stats.metrics


async def remove_crashed_workers(journal: Journal) -> int:
    """Delete the rows of crashed workers that hold no items, and set their flow runs to Crashed.

    Returns how many flow runs were set, of those that were still Running.
    """
    holds = select(items.c.id).where(items.c.owner == owners.c.id).exists()
    gone = (owners.c.beat_at + owners.c.lease <= now()) & ~holds
    crashed = select(owners.c.id, owners.c.flow_run).where(gone)
    async with journal.database.read() as connection:
        rows = (await connection.execute(crashed)).all()
    if not rows:
        return 0
    # Rows are deleted last: after a crash in between, the next process repeats both.
    runs = [UUID(row.flow_run) for row in rows if row.flow_run]
    try:
        marked = sum([await _mark_crashed(run) for run in runs]) if in_flow_run() else 0
    except Exception as error:  # noqa: BLE001 - whatever the server answers, the next recovery repeats it
        log.warning("runs of crashed processes are not marked yet", reason=str(error))
        return 0
    async with journal.database.write() as connection:
        deleted = await connection.scalars(
            delete(owners)
            .where(gone, owners.c.id.in_([row.id for row in rows]))
            .returning(owners.c.id)
        )
        await give_back_all(connection, deleted.all())
    return marked


async def _mark_crashed(run: UUID) -> bool:
    """Set a flow run that is Running to Crashed; False if it is not running or unknown."""
    async with get_client() as client:
        try:
            found = await client.read_flow_run(run)
        except ObjectNotFound:
            return False
        if found.state is None or not found.state.is_running():
            return False
        state: State[None] = Crashed(
            message="its process no longer renews its lease in the journal"
        )
        await client.set_flow_run_state(run, state, force=True)
    return True
