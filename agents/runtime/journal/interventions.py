"""What people do to work items: decide, cancel, mend, replay, discard. All of it is in the history."""

from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.batch import Decision, Failure, hash_of
from agents.runtime.errors import AgentError, IllegalTransition
from agents.runtime.journal import Journal
from agents.runtime.journal.database import now
from agents.runtime.journal.rows import record
from agents.runtime.journal.schema import dead_letters, items, stages
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

    Raises UnknownItem, and IllegalTransition if it does not wait (any more).
    """
    async with journal.database.write() as connection:
        row = await _find(connection, journal, act)
        parked = select(stages.c.agent).where(stages.c.item == row.id, stages.c.status == "waiting")
        agent = await connection.scalar(parked.order_by(stages.c.at.desc()).limit(1))
        decision = Decision(agent or "", approved, act.by, act.reason)
        verdict = "approved" if approved else "rejected"
        detail = act.detail(verdict=verdict, agent=agent)
        text = orjson.dumps(asdict(decision)).decode()
        decided = {"decision": text, "waiting_since": None, "retry_at": None}
        await _shift(connection, row, Event.DECIDE, detail, **decided)


async def escalate(journal: Journal, act: Act, seconds: float) -> bool:
    """Say that an item waits for too long; after so many `seconds` more its time is up.

    False if somebody has said so before.
    """
    async with journal.database.write() as connection:
        row = await _find(connection, journal, act)
        if row.state == State.WAITING and row.retry_at is not None:
            return False
        await _shift(connection, row, Event.ESCALATE, act.detail(), retry_at=now() + seconds)
    return True


async def cancel(journal: Journal, act: Act) -> State:
    """Cancel an item: at once if nobody works on it, else before its next effect.

    Exactly one of this and the item's progress wins. Returns `compensating` if it is cancelled, and
    `processing` if whoever holds it is told. Raises UnknownItem, and IllegalTransition for an item
    that has ended or is being compensated already.
    """
    failure = Failure("cancel", "Cancelled", act.reason or "cancelled on request", cancelled=True)
    async with journal.database.write() as connection:
        row = await _find(connection, journal, act)
        if row.state == State.PROCESSING:
            told = await connection.execute(
                update(items)
                .where(items.c.id == row.id)
                .values(cancel_requested=True, sequence=items.c.sequence + 1)
                .returning(items.c.id, items.c.sequence, items.c.fence)
            )
            detail = {row.id: act.detail()}
            await record(connection, told.all(), Event.CANCEL, State.PROCESSING, row.owner, detail)
            return State.PROCESSING
        text = orjson.dumps(asdict(failure)).decode()
        await _shift(connection, row, Event.CANCEL, act.detail(), failure=text, retry_at=None)
    return State.COMPENSATING


async def mend(journal: Journal, act: Act, body: str, body_hash: str) -> None:
    """Give a dead letter another body, already checked; the first one is kept beside it.

    The item stays known by the hash of what was sent: the same source sent again is no conflict.
    Raises UnknownItem and IllegalTransition.
    """
    async with journal.database.write() as connection:
        row = await _find(connection, journal, act)
        detail = act.detail(before=hash_of(row.body), after=body_hash)
        await _shift(connection, row, Event.MEND, detail, body=body)
        await connection.execute(
            update(dead_letters)
            .where(dead_letters.c.item == row.id, dead_letters.c.original.is_(None))
            .values(original=row.body)
        )


async def replay(journal: Journal, act: Act) -> bool:
    """Let a dead letter go on where it stopped, with a fresh budget of attempts.

    A dead compensation goes on compensating, never forward; an item that somebody asked to cancel
    before it died is cancelled now. False if it was replayed already. Raises UnknownItem, and
    IllegalTransition for an item that is not a dead letter.
    """
    async with journal.database.write() as connection:
        row = await _find(connection, journal, act)
        letter = await _letter(connection, row)
        if letter is not None and letter.status == "replayed":
            return False
        letter = _require_open(letter, row, Event.REPLAY)
        fresh: dict[str, Any] = {"retry_at": None, "ended_at": None, "deaths": 0}
        if row.state == State.DEAD_LETTERED:
            fresh["failure"] = None
        await _shift(connection, row, Event.REPLAY, act.detail(), **fresh)
        await _mark(connection, row, "replayed")
        await connection.execute(
            update(stages)
            .where(stages.c.item == row.id)
            .where(or_(stages.c.agent == letter.agent, stages.c.status == "delayed"))
            .where(stages.c.status != "done")
            .values(attempts=0, status="delayed")
        )
    return True


async def discard(journal: Journal, act: Act) -> None:
    """End a dead letter for good; its effects stay as they are. Raises as `replay` does."""
    async with journal.database.write() as connection:
        row = await _find(connection, journal, act)
        _require_open(await _letter(connection, row), row, Event.DISCARD)
        ended = {"outcome": "discarded", "ended_at": func.coalesce(items.c.ended_at, now())}
        await _shift(connection, row, Event.DISCARD, act.detail(), **ended)
        await _mark(connection, row, "discarded")


def _require_open(letter: Row[Any] | None, row: Row[Any], event: Event) -> Row[Any]:
    if letter is None or letter.status != "open":
        raise IllegalTransition(row.key, row.state, event)
    return letter


async def _letter(connection: AsyncConnection, row: Row[Any]) -> Row[Any] | None:
    """The dead letter of an item that is locked already: joined to the lock it could be stale."""
    wanted = select(dead_letters).where(dead_letters.c.item == row.id)
    return (await connection.execute(wanted)).first()


async def _find(connection: AsyncConnection, journal: Journal, act: Act) -> Row[Any]:
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


async def _shift(
    connection: AsyncConnection, row: Row[Any], event: Event, detail: str, **values: Any
) -> None:
    """Apply the event to an item that nobody holds, under the lock of `_find`."""
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


async def _mark(connection: AsyncConnection, row: Row[Any], status: str) -> None:
    await connection.execute(
        update(dead_letters).where(dead_letters.c.item == row.id).values(status=status)
    )
