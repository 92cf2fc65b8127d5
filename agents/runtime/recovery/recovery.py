"""What a reconciler does besides finishing items: overdue decisions, unsent messages, dead owners."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed
from sqlalchemy import delete, select, update

from agents.runtime.errors import IllegalTransition
from agents.runtime.execution.agent import Agent
from agents.runtime.execution.rehydrate import load_ended
from agents.runtime.journal import Journal
from agents.runtime.journal import operator_actions as people
from agents.runtime.journal.database import now
from agents.runtime.journal.operator_actions import OperatorAction
from agents.runtime.journal.queries import waiting
from agents.runtime.journal.schema import items, outbox, owners
from agents.runtime.journal.workers import is_alive
from agents.runtime.model.batch import Batch, BatchContext, RunStats
from agents.runtime.model.lifecycle import ENDED
from agents.runtime.model.lifecycle import State as ItemState
from agents.runtime.model.scenario import Scenario
from agents.runtime.prefect_ui import alert, in_flow_run
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

RECONCILER = "reconciler"
MOST_WAITING = 100_000  # all of them: those that wait for their time-out must not hide the others


async def time_is_up(
    journal: Journal, scenario: str, escalate_after: float, reject_after: float
) -> dict[str, int]:
    """Escalate what waits longer than `escalate_after` seconds, reject it `reject_after` later.

    Whoever decides or escalates in between wins, be it a person or another reconciler. An item that
    parked after somebody had asked to cancel it is cancelled, one past its deadline is compensated.
    """
    done = {"cancelled": 0, "expired": 0, "escalated": 0, "rejected by time-out": 0}
    for row in await waiting(journal, scenario, most=MOST_WAITING):
        with suppress(IllegalTransition):
            if row.cancel_requested and row.state == ItemState.WAITING:
                action = OperatorAction(
                    scenario, row.key, RECONCILER, "asked for while somebody worked on it"
                )
                await people.cancel(journal, action)
                done["cancelled"] += 1
            elif row.overdue and row.state == ItemState.WAITING:
                await people.expire(
                    journal, OperatorAction(scenario, row.key, RECONCILER, "deadline passed")
                )
                done["expired"] += 1
            elif row.due is not None and row.due <= 0:
                action = OperatorAction(scenario, row.key, RECONCILER, "nobody decided in time")
                await people.decide(journal, action, approved=False)
                done["rejected by time-out"] += 1
            elif row.due is None and row.age >= escalate_after:
                action = OperatorAction(scenario, row.key, RECONCILER, f"waits for {row.age:.0f} s")
                if await people.escalate(journal, action, reject_after):
                    alert("escalated", scenario, row.key, row.reason or "")
                    done["escalated"] += 1
    return done


async def deliver_left_behind(journal: Journal, scenario: Scenario, notify: Agent[..., Any]) -> int:
    """Send messages whose process died before it sent them; what it was sending counts as sent."""
    dying = (outbox.c.status == "sending") & ~is_alive(outbox.c.owner)
    async with journal.database.write() as connection:
        await connection.execute(update(outbox).where(dying).values(status="unknown"))
    unsent = (
        select(items.c.id)
        .join(outbox, outbox.c.item == items.c.id)
        .where(items.c.tenant == journal.tenant, items.c.scenario == scenario.name)
        .where(outbox.c.status == "waiting", items.c.state.in_(ENDED))
        .distinct()
    )
    async with journal.database.read() as connection:
        ids = list(await connection.scalars(unsent))
    await deliver(journal, scenario, notify, ids)
    return len(ids)


async def deliver(
    journal: Journal, scenario: Scenario, notify: Agent[..., Any], ids: Sequence[int]
) -> None:
    """Send what has not been sent of these items, which have ended."""
    if ids:
        context = BatchContext(scenario, RunStats())
        context.ended = await load_ended(journal.database, scenario, ids)
        await notify(Batch(context, []))


async def sweep_owners(journal: Journal) -> int:
    """Forget dead owners that hold nothing; their flow runs, if they say Running, have crashed."""
    holds = select(items.c.id).where(items.c.owner == owners.c.id).exists()
    gone = (owners.c.beat_at + owners.c.lease <= now()) & ~holds
    async with journal.database.read() as connection:
        dead = (await connection.execute(select(owners.c.id, owners.c.flow_run).where(gone))).all()
    if not dead:
        return 0
    # Told first and forgotten afterwards: whoever dies in between has left it to the next one.
    runs = [UUID(row.flow_run) for row in dead if row.flow_run]
    crashed = sum([await _crashed(run) for run in runs]) if in_flow_run() else 0
    async with journal.database.write() as connection:
        await connection.execute(
            delete(owners).where(gone, owners.c.id.in_([row.id for row in dead]))
        )
    return crashed


async def _crashed(run: UUID) -> bool:
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
