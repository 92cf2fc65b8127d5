"""What people do to work items: decide, edit, cancel. All of it is in the history."""

from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.batch import Correction, Decision, Failure, hash_of
from agents.runtime.deadline import DeadlineExceeded
from agents.runtime.errors import AgentError, IllegalTransition
from agents.runtime.journal import Journal
from agents.runtime.journal.database import now
from agents.runtime.journal.rows import record
from agents.runtime.journal.schema import dead_letters, effects, items, stages
from agents.runtime.lifecycle import Event, State, next_state


class UnknownItem(AgentError):
    """There is no such work item."""

    def __init__(self, scenario: str, key: str) -> None:
        super().__init__(scenario, key)
        self.scenario, self.key = scenario, key

    def __str__(self) -> str:
        return f"{self.scenario} has no item {self.key!r}"


@dataclass(frozen=True, slots=True)
class Act:
    """Which item somebody acts on, who that is and why."""

    scenario: str
    key: str
    by: str
    reason: str

    def detail(self, **more: Any) -> str:
        """The act as the history keeps it."""
        return orjson.dumps({"by": self.by, "reason": self.reason} | more).decode()


async def decide(journal: Journal, act: Act, *, approved: bool) -> None:
    """Approve or reject an item that waits; it goes on as soon as a process takes it.

    What is rejected while it is compensated becomes a dead letter: somebody must settle it.
    Raises UnknownItem, and IllegalTransition if it does not wait (any more).
    """
    async with journal.database.write() as connection:
        row = await find(connection, journal, act)
        _require_waiting(row, Event.DECIDE)
        parked = select(stages.c.agent).where(stages.c.item == row.id, stages.c.status == "waiting")
        agent = await connection.scalar(parked.order_by(stages.c.at.desc()).limit(1))
        decision = Decision(agent or "", approved, act.by, act.reason)
        verdict = "approved" if approved else "rejected"
        detail = act.detail(verdict=verdict, agent=agent)
        text = orjson.dumps(asdict(decision)).decode()
        decided = {"decision": text, "waiting_since": None, "retry_at": None}
        await shift(connection, row, Event.DECIDE, detail, **decided)


async def edit(journal: Journal, act: Act, correction: Correction) -> None:
    """Give an item that nobody holds another body; its agents, but for effects, begin again with that.

    Raises UnknownItem, IllegalTransition, and what the scenario raises if it comes too late.
    """
    async with journal.database.write() as connection:
        row = await find(connection, journal, act)
        correction.require(row.body, row.version, await made(connection, row))
        repeated = await repeat(connection, row, since=0.0)
        after = hash_of(correction.body)
        detail = act.detail(before=hash_of(row.body), after=after, repeated=repeated)
        asked_anew: dict[str, Any] = dict.fromkeys(("decision", "waiting_since", "retry_at"))
        asked_anew |= {"body": correction.body, "version": correction.scenario.version}
        await shift(connection, row, Event.EDIT, detail, **asked_anew)


async def escalate(journal: Journal, act: Act, seconds: float) -> bool:
    """Say that an item waits for too long; after so many `seconds` more its time is up.

    False if somebody has said so before.
    """
    async with journal.database.write() as connection:
        row = await find(connection, journal, act)
        _require_waiting(row, Event.ESCALATE)
        if row.retry_at is not None:
            return False
        await shift(connection, row, Event.ESCALATE, act.detail(), retry_at=now() + seconds)
    return True


async def cancel(journal: Journal, act: Act) -> State:
    """Cancel an item: at once if it waits or is a dead letter, else before its next effect.

    Exactly one of this and the item's progress wins: one whose last effect has happened is completed,
    for that may be one which nobody can undo. Returns `compensating` if it is cancelled; `processing`
    or `pending` if whoever holds or takes it is told. Raises UnknownItem, and IllegalTransition for
    an item that has ended or is being compensated already.
    """
    failure = Failure("cancel", "Cancelled", act.reason or "cancelled on request", cancelled=True)
    async with journal.database.write() as connection:
        row = await find(connection, journal, act)
        if row.state in (State.PROCESSING, State.PENDING):
            told = await connection.execute(
                update(items)
                .where(items.c.id == row.id)
                .values(cancel_requested=True, retry_at=None, sequence=items.c.sequence + 1)
                .returning(items.c.id, items.c.sequence, items.c.fence)
            )
            detail = {row.id: act.detail()}
            source = State(row.state)
            await record(connection, told.all(), Event.CANCEL, source, row.owner, detail)
            return source
        text = orjson.dumps(asdict(failure)).decode()
        fresh = {"retry_at": None, "waiting_since": None, "ended_at": None, "deaths": 0}
        await shift(connection, row, Event.CANCEL, act.detail(), failure=text, **fresh)
        await connection.execute(
            update(dead_letters)
            .where(dead_letters.c.item == row.id, dead_letters.c.status == "open")
            .values(status="cancelled")
        )
    return State.COMPENSATING


async def expire(journal: Journal, act: Act) -> None:
    """Compensate an item that waited beyond its deadline. Raises as `decide` does."""
    failure = Failure("deadline", DeadlineExceeded.__name__, str(DeadlineExceeded()))
    async with journal.database.write() as connection:
        row = await find(connection, journal, act)
        text = orjson.dumps(asdict(failure)).decode()
        gone = {"retry_at": None, "waiting_since": None, "failure": text}
        await shift(connection, row, Event.EXPIRE, act.detail(), **gone)


def _require_waiting(row: Row[Any], event: Event) -> None:
    if row.waiting_since is None:
        raise IllegalTransition(row.key, row.state, event)


async def made(connection: AsyncConnection, row: Row[Any]) -> frozenset[str]:
    """The agents whose effects the item has, or may have."""
    wanted = select(effects.c.agent).where(effects.c.item == row.id, effects.c.status != "refused")
    return frozenset(await connection.scalars(wanted))


async def repeat(connection: AsyncConnection, row: Row[Any], since: float) -> list[str]:
    """Let the agents that ended at `since` or later begin again, with a fresh budget of attempts.

    Effects that happened keep their outcome: they happen once. Returns the agents' names.
    """
    happened = select(effects.c.agent).where(effects.c.item == row.id, effects.c.status == "done")
    repeated = await connection.scalars(
        update(stages)
        .where(stages.c.item == row.id, stages.c.at >= since, stages.c.agent.not_in(happened))
        .values(attempts=0, status="delayed", output=None)
        .returning(stages.c.agent)
    )
    return sorted(set(repeated))


async def find(connection: AsyncConnection, journal: Journal, act: Act) -> Row[Any]:
    """The item, locked."""
    row: Row[Any] | None = (
        await connection.execute(
            select(items)
            .where(items.c.tenant == journal.tenant, items.c.scenario == act.scenario)
            .where(items.c.key == act.key)
            .with_for_update()
        )
    ).first()
    if row is None:
        raise UnknownItem(act.scenario, act.key)
    return row


async def shift(
    connection: AsyncConnection, row: Row[Any], event: Event, detail: str, **values: Any
) -> None:
    """Apply the event to an item that nobody holds, under the lock of `find`."""
    source = State(row.state)
    target = next_state(row.key, source, event)
    moved = await connection.execute(
        update(items)
        .where(items.c.id == row.id, items.c.state == source, items.c.owner.is_(None))
        .values(state=target, sequence=items.c.sequence + 1, **values)
        .returning(items.c.id, items.c.sequence, items.c.fence)
    )
    changed = moved.all()
    if not changed:
        raise IllegalTransition(row.key, f"{source} at {row.owner}", event)
    await record(connection, changed, event, source, None, {row.id: detail})
