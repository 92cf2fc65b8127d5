"""What operators do to items and dead letters. History and audit log keep each action with name and reason."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.clock import DeadlineExceeded
from agents.runtime.errors import AgentError, IllegalTransition
from agents.runtime.journal import Journal, audit, dependencies
from agents.runtime.journal.database import now
from agents.runtime.journal.schema import dead_letters, effects, history, items, steps
from agents.runtime.journal.statements import record
from agents.runtime.model.item import SUPERSEDED, Decision, Failure
from agents.runtime.model.lifecycle import Event, State, next_state
from agents.runtime.model.scenario import Correction, hash_of

MOST_EVENTS = 1_000  # after which a request is no longer recognised


class UnknownItem(AgentError):
    """There is no such work item."""

    def __init__(self, scenario: str, key: str) -> None:
        super().__init__(scenario, key)
        self.scenario, self.key = scenario, key

    def __str__(self) -> str:
        return f"{self.scenario} has no item {self.key!r}"


class ChangedSince(AgentError):
    """The item has changed since the operator saw it; it stays as it is."""

    def __init__(self, key: str, seen: int, found: int) -> None:
        super().__init__(key, seen, found)
        self.key, self.seen, self.found = key, seen, found

    def __str__(self) -> str:
        return f"item {self.key} has changed: event {self.seen} was seen, event {self.found} is its last"


class DoneBefore(AgentError):
    """The same request has acted on the item before, by its event `sequence`; nothing is done again."""

    def __init__(self, key: str, sequence: int, fingerprint: str) -> None:
        super().__init__(key, sequence, fingerprint)
        self.key, self.sequence, self.fingerprint = key, sequence, fingerprint

    def __str__(self) -> str:
        return f"the same request has acted on item {self.key} before, by event {self.sequence}"


@dataclass(frozen=True, slots=True)
class Request:
    """What makes an action happen once, however often it is sent.

    Args:
        id: Equal for what counts as the same request.
        fingerprint: Equal for the same content.
        unique: Whether the id is of one request only. Otherwise a later one with the same id is
            another one as soon as something else has happened to the item.

    """

    id: str
    fingerprint: str
    unique: bool = True


@dataclass(frozen=True, slots=True)
class OperatorAction:
    """The item that an operator acts on, the operator's name and the reason.

    An `automatic` action is the runtime's own; it is in the item's history and not in the audit log.
    With a `sequence`, nothing is done if that is not the item's last event; with a `request`, nothing
    is done twice.
    """

    scenario: str
    key: str
    by: str
    reason: str
    automatic: bool = False
    sequence: int | None = None
    request: Request | None = None

    def detail(self, **more: Any) -> str:
        """The action as JSON for the history."""
        known: dict[str, Any] = {"by": self.by, "reason": self.reason}
        if self.request is not None:
            known |= {"request": self.request.id, "fingerprint": self.request.fingerprint}
        return orjson.dumps(known | more).decode()


async def decide(journal: Journal, action: OperatorAction, *, approved: bool) -> None:
    """Approve or reject an item that waits; it goes on when a process claims it.

    An item that is rejected while it is compensating becomes a dead letter, which an operator must
    settle. Raises UnknownItem, and IllegalTransition if the item does not wait.
    """
    async with journal.database.write() as connection:
        row = await find_locked(connection, journal, action)
        _require_waiting(row, Event.DECIDE)
        parked = select(steps.c.agent).where(steps.c.item == row.id, steps.c.status == "waiting")
        agent = await connection.scalar(parked.order_by(steps.c.at.desc()).limit(1))
        decision = Decision(agent or "", approved, action.by, action.reason)
        verdict = "approved" if approved else "rejected"
        facts = {"verdict": verdict, "agent": agent}
        text = orjson.dumps(asdict(decision)).decode()
        decided: dict[str, Any] = {"decision": text, "waiting_since": None, "retry_at": None}
        await apply_event(connection, row, Event.DECIDE, action, facts, **decided)


async def edit(journal: Journal, action: OperatorAction, correction: Correction) -> None:
    """Replace the body of an item that no process holds; its agents run again, except for effects.

    Raises UnknownItem, IllegalTransition, and what the scenario raises if the edit comes too late.
    """
    async with journal.database.write() as connection:
        row = await find_locked(connection, journal, action)
        if row.state == State.WAITING:
            _require_waiting(row, Event.EDIT)
        correction.require(row.body, row.version, await effect_agents(connection, row))
        repeated = await reset_steps(connection, row, since=0.0)
        values: dict[str, Any] = dict.fromkeys(("decision", "waiting_since", "retry_at"))
        values |= correction.values(row.version)
        facts = {"repeated": repeated}
        await apply_event(connection, row, Event.EDIT, action, facts, **values)


async def escalate(journal: Journal, action: OperatorAction, seconds: float) -> bool:
    """Mark an item that waits too long; `seconds` later it reaches its time-out.

    Returns False if it was escalated before. Raises as `decide` does.
    """
    async with journal.database.write() as connection:
        row = await find_locked(connection, journal, action)
        _require_waiting(row, Event.ESCALATE)
        if row.retry_at is not None:
            return False
        await apply_event(connection, row, Event.ESCALATE, action, retry_at=now() + seconds)
    return True


async def cancel(journal: Journal, action: OperatorAction) -> State:
    """Cancel an item: at once if it waits or is a dead letter, else before its next effect.

    Either the cancellation or the item's progress wins: an item whose last effect has happened is
    completed, as that effect may be one that cannot be undone. Returns `compensating` if the item is
    cancelled now, and `processing` or `pending` if the process that holds or claims it will cancel
    it. Raises UnknownItem, and IllegalTransition if the item has ended or is compensating.
    """
    async with journal.database.write() as connection:
        return await cancel_within(
            connection, await find_locked(connection, journal, action), action
        )


async def cancel_within(
    connection: AsyncConnection, row: Row[Any], action: OperatorAction
) -> State:
    """As `cancel`, for a locked item, in the transaction of the connection."""
    if row.state in (State.PROCESSING, State.PENDING):
        return await _request_cancel(connection, row, action)
    failure = Failure(
        "cancel", "Cancelled", action.reason or "cancelled on request", cancelled=True
    )
    text = orjson.dumps(asdict(failure)).decode()
    reset: dict[str, Any] = dict.fromkeys(("retry_at", "waiting_since", "ended_at"))
    reset["crash_count"] = 0
    await apply_event(connection, row, Event.CANCEL, action, failure=text, **reset)
    await connection.execute(
        update(dead_letters)
        .where(dead_letters.c.item == row.id, dead_letters.c.status == "open")
        .values(status="cancelled")
    )
    return State.COMPENSATING


async def _request_cancel(
    connection: AsyncConnection, row: Row[Any], action: OperatorAction
) -> State:
    requested = await connection.execute(
        update(items)
        .where(items.c.id == row.id)
        .values(cancel_requested=True, retry_at=None, sequence=items.c.sequence + 1)
        .returning(items.c.id, items.c.sequence, items.c.fence)
    )
    detail, source = {row.id: action.detail()}, State(row.state)
    await record(connection, requested.all(), Event.CANCEL, source, row.owner, detail)
    after = {"state": source, "cancel_requested": True}
    await _audit(connection, row, Event.CANCEL, action, after)
    return source


async def expire(journal: Journal, action: OperatorAction) -> None:
    """Compensate an item that has waited beyond its deadline. Raises as `decide` does."""
    failure = Failure("deadline", DeadlineExceeded.__name__, str(DeadlineExceeded()))
    async with journal.database.write() as connection:
        row = await find_locked(connection, journal, action)
        text = orjson.dumps(asdict(failure)).decode()
        values: dict[str, Any] = {"retry_at": None, "waiting_since": None, "failure": text}
        await apply_event(connection, row, Event.EXPIRE, action, **values)


def _require_waiting(row: Row[Any], event: Event) -> None:
    if row.waiting_since is None:
        raise IllegalTransition(row.key, row.state, event)


async def effect_agents(connection: AsyncConnection, row: Row[Any]) -> frozenset[str]:
    """The agents whose effects have happened or may have happened."""
    wanted = select(effects.c.agent).where(effects.c.item == row.id, effects.c.status != "refused")
    return frozenset(await connection.scalars(wanted))


async def reset_steps(connection: AsyncConnection, row: Row[Any], since: float) -> list[str]:
    """Let agents whose step ended at `since` or later run again, with all of their attempts.

    Effects that happened keep their outcome, since they happen once. Returns the agents' names.
    """
    happened = select(effects.c.agent).where(
        effects.c.item == row.id, effects.c.status.in_(("done", "unknown"))
    )
    repeated = await connection.scalars(
        update(steps)
        .where(steps.c.item == row.id, steps.c.at >= since, steps.c.agent.not_in(happened))
        .values(attempts=0, status="delayed", output=None)
        .returning(steps.c.agent)
    )
    return sorted(set(repeated))


async def find_locked(
    connection: AsyncConnection, journal: Journal, action: OperatorAction
) -> Row[Any]:
    """Lock the item and return its row. Raises UnknownItem, DoneBefore and ChangedSince."""
    row: Row[Any] | None = (
        await connection.execute(
            select(items)
            .where(items.c.tenant == journal.tenant, items.c.scenario == action.scenario)
            .where(items.c.key == action.key)
            .with_for_update()
        )
    ).first()
    if row is None:
        raise UnknownItem(action.scenario, action.key)
    if (request := action.request) is not None:
        events = await events_of_request(connection, row, request.id)
        if events and (request.unique or events[-1].sequence == row.sequence):
            fingerprint = orjson.loads(events[-1].detail)["fingerprint"]
            raise DoneBefore(row.key, events[-1].sequence, fingerprint)
    if action.sequence not in {None, row.sequence}:
        assert action.sequence is not None
        raise ChangedSince(row.key, action.sequence, row.sequence)
    return row


async def events_of_request(
    connection: AsyncConnection, row: Row[Any], request: str
) -> Sequence[Row[Any]]:
    """The events of this request among the last thousand of the item, in their order."""
    with_request = history.c.detail.contains(f'"request":"{request}"', autoescape=True)
    query = (
        select(history)
        .where(history.c.item == row.id, history.c.sequence > row.sequence - MOST_EVENTS)
        .where(with_request)
        .order_by(history.c.sequence)
    )
    return (await connection.execute(query)).all()


async def apply_event(
    connection: AsyncConnection,
    row: Row[Any],
    event: Event,
    action: OperatorAction,
    facts: Mapping[str, Any] | None = None,
    **values: Any,
) -> None:
    """Apply the event to an item that no process holds, under the lock of `find_locked`.

    History and audit log keep the `facts` about it. `values` are columns to set. Raises
    IllegalTransition.
    """
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
        raise IllegalTransition(row.key, f"{source}, held by {row.owner}", event)
    facts = dict(facts or {})
    edited = _edited(row.body, values.get("body"))
    detail = action.detail(**edited, **facts)
    await record(connection, changed, event, source, None, {row.id: detail})
    await _audit(connection, row, event, action, {"state": target} | facts, edited)


def _edited(before: str, after: str | None) -> dict[str, Any]:
    """The hashes of the two bodies, and the fields that differ; empty if the body stays."""
    if after is None:
        return {}
    was, will = audit.changed_fields(before, after)
    hashes = {"before": hash_of(before), "after": hash_of(after)}
    return hashes | {"fields_before": was, "fields_after": will}


async def _audit(  # noqa: PLR0913 - the columns of one entry
    connection: AsyncConnection,
    row: Row[Any],
    event: Event,
    action: OperatorAction,
    after: dict[str, Any],
    edited: Mapping[str, Any] | None = None,
) -> None:
    """Write the entry of an action on an item; `edited` says what is new in its body."""
    if action.automatic:
        return
    before: dict[str, Any] = {"state": row.state}
    if edited:
        before |= {"body": edited["before"], "fields": edited["fields_before"]}
        after |= {"body": edited["after"], "fields": edited["fields_after"]}
    name = f"item {row.scenario}/{row.key}"
    entry = audit.AuditEntry(row.tenant, action.by, event, name, action.reason, before, after)
    await audit.write(connection, entry)


class NotReached(AgentError):
    """The item has not reached this agent; `reached` are the agents that it has reached."""

    def __init__(self, key: str, agent: str, reached: Sequence[str]) -> None:
        super().__init__(key, agent, reached)
        self.key, self.agent, self.reached = key, agent, reached

    def __str__(self) -> str:
        known = ", ".join(self.reached) or "none"
        return f"{self.key} has not reached {self.agent!r}: restart it at one of: {known}"


async def mend(
    journal: Journal, action: OperatorAction, correction: Correction, *, retry: bool = False
) -> None:
    """Replace the body of a dead letter; its first body is kept. With `retry` replay it as well.

    The item keeps the hash of the body that was submitted, so the same source submitted again is no
    conflict. Raises UnknownItem, IllegalTransition, and what the scenario raises if the correction
    comes too late.
    """
    async with journal.database.write() as connection:
        row = await find_locked(connection, journal, action)
        next_state(row.key, State(row.state), Event.MEND)
        correction.require(row.body, row.version, await effect_agents(connection, row))
        corrected: dict[str, Any] = correction.values(row.version)
        await apply_event(connection, row, Event.MEND, action, **corrected)
        await connection.execute(
            update(dead_letters)
            .where(dead_letters.c.item == row.id, dead_letters.c.original.is_(None))
            .values(original=row.body)
        )
        if retry:
            await _replay(connection, row, action, wait=0.0)


async def replay(journal: Journal, action: OperatorAction, *, wait: float = 0.0) -> bool:
    """Let a dead letter go on where it stopped, `wait` seconds from now, with all attempts of its step.

    A compensating item continues to compensate, never forward; an item with an earlier request to
    cancel is cancelled. Returns False if it was replayed already. Raises UnknownItem, and
    IllegalTransition if the item is not a dead letter.
    """
    async with journal.database.write() as connection:
        row = await find_locked(connection, journal, action)
        return await _replay(connection, row, action, wait)


async def _replay(
    connection: AsyncConnection, row: Row[Any], action: OperatorAction, wait: float
) -> bool:
    letter = await _letter(connection, row)
    if letter is not None and letter.status == "replayed":
        return False
    letter = _require_open(letter, row, Event.REPLAY)
    reset: dict[str, Any] = {"ended_at": None, "crash_count": 0}
    reset["retry_at"] = now() + wait if wait else None
    if row.state == State.DEAD_LETTERED:
        reset["failure"] = None
    else:
        reset["decision"] = None  # asked again: the rejection made it a dead letter
    await apply_event(connection, row, Event.REPLAY, action, **reset)
    await _mark(connection, row, "replayed")
    await connection.execute(
        update(steps)
        .where(steps.c.item == row.id)
        .where(or_(steps.c.agent == letter.agent, steps.c.status == "delayed"))
        .where(steps.c.status.not_in(("done", SUPERSEDED)))
        .values(attempts=0, status="delayed")
    )
    return True


async def restart(journal: Journal, action: OperatorAction, agent: str) -> list[str]:
    """Restart a dead letter, or an item that waits, at an agent that it has reached.

    That agent and those after it run again. Effects that happened keep their outcome, since they
    happen once; cancel the item to undo them. Returns the agents that run again. Raises UnknownItem,
    NotReached, and IllegalTransition in other states.
    """
    async with journal.database.write() as connection:
        row = await find_locked(connection, journal, action)
        next_state(row.key, State(row.state), Event.RESTART)
        reached = {
            step.agent: step.at
            for step in await connection.execute(
                select(steps.c.agent, steps.c.at)
                .where(steps.c.item == row.id)
                .order_by(steps.c.at.desc(), steps.c.occurrence.desc())
            )
        }
        if agent not in reached:
            raise NotReached(row.key, agent, sorted(reached, key=lambda name: reached[name]))
        repeated = await reset_steps(connection, row, since=reached[agent])
        reset = dict.fromkeys(("retry_at", "waiting_since", "decision", "ended_at", "failure"))
        facts = {"agent": agent, "repeated": repeated}
        await apply_event(connection, row, Event.RESTART, action, facts, crash_count=0, **reset)
        await _mark(connection, row, "replayed")
    return repeated


async def discard(journal: Journal, action: OperatorAction) -> None:
    """End a dead letter permanently; its effects stay as they are. Raises as `replay` does.

    Items that need it are cancelled.
    """
    async with journal.database.write() as connection:
        await dependencies.lock(connection, action.scenario, alone=True)
        row = await find_locked(connection, journal, action)
        _require_open(await _letter(connection, row), row, Event.DISCARD)
        ended: dict[str, Any] = {
            "outcome": "discarded",
            "ended_at": func.coalesce(items.c.ended_at, now()),
        }
        await apply_event(connection, row, Event.DISCARD, action, **ended)
        await _mark(connection, row, "discarded")
        await dependencies.settle(connection, [row.id], Event.DISCARD)


def _require_open(letter: Row[Any] | None, row: Row[Any], event: Event) -> Row[Any]:
    if letter is None or letter.status != "open":
        raise IllegalTransition(row.key, row.state, event)
    return letter


async def _letter(connection: AsyncConnection, row: Row[Any]) -> Row[Any] | None:
    """The dead letter of a locked item; read after the lock, since a join with it could be stale."""
    wanted = select(dead_letters).where(dead_letters.c.item == row.id)
    return (await connection.execute(wanted)).first()


async def _mark(connection: AsyncConnection, row: Row[Any], status: str) -> None:
    await connection.execute(
        update(dead_letters).where(dead_letters.c.item == row.id).values(status=status)
    )
