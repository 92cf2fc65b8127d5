"""What agents did, written down: intents before an effect, outcomes after it, ends of items."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.exc import DBAPIError, OperationalError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.batch import Failure
from agents.runtime.clock import clock
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.rows import (
    Halt,
    assign,
    insert_many,
    insert_new,
    insert_or_replace,
    move,
    still_held,
    values_of,
)
from agents.runtime.journal.schema import dead_letters, effects, stages
from agents.runtime.lifecycle import Event, State
from agents.runtime.outcomes import Dead, Delayed, Done, Failed, Outcome, Unit, Waits
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)


async def intend(
    database: Database, owner: str, units: Sequence[Unit], state: State
) -> dict[int, Halt | None]:
    """Write the intents of an effect before it is tried.

    Returns the items still held in `state`, and for each whether a cancel or its deadline halts it;
    of those no intent is written, unless they are compensated already. Items that do not come back are lost
    to another owner.
    """
    async with database.write() as connection:
        held = await still_held(connection, owner, units, state)
        rows = [
            {
                "item": unit.id,
                "agent": unit.agent,
                "occurrence": unit.occurrence,
                "key": unit.key,
                "intended_at": unit.intended_at,
            }
            for unit in units
            if unit.id in held and not (held[unit.id] and state is State.PROCESSING)
        ]
        await insert_many(connection, insert_new(connection, effects, status="intended"), rows)
    return held


async def commit(database: Database, owner: str, units: Sequence[Unit], state: State) -> set[int]:
    """Write the outcomes of a group in one transaction; returns the items still held.

    A group whose values the database refuses is halved until the guilty item is alone; that one
    becomes a dead letter, and no effect is repeated. Any other trouble, such as a lost connection
    or a deadlock, is no item's fault and is raised.
    """
    at = clock().time()
    rows = [
        _stage_row(unit, at) for unit in units
    ]  # before the transaction: others wait for its end
    try:
        async with database.write() as connection:
            return await _write(connection, owner, units, rows, state)
    except (StatementError, UnicodeError) as error:
        if not is_refusal(error):
            raise
        if len(units) == 1:
            unit = units[0]
            unit.outcome = Dead(_unstorable(unit, error))
            async with database.write() as connection:
                return await _write(connection, owner, units, [_stage_row(unit, at)], state)
        middle = len(units) // 2
        first = await commit(database, owner, units[:middle], state)
        return first | await commit(database, owner, units[middle:], state)


def is_refusal(error: Exception) -> bool:
    """Whether it is about the values: SQLSTATE classes 22 and 23, or what no driver would send."""
    if not isinstance(error, DBAPIError):
        return True
    if error.connection_invalidated or isinstance(error, OperationalError):
        return False
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state is None or state[:2] in {"22", "23"}


async def _write(
    connection: AsyncConnection,
    owner: str,
    units: Sequence[Unit],
    rows: list[dict[str, Any]],
    state: State,
) -> set[int]:
    held = set(await still_held(connection, owner, units, state))
    mine = [unit for unit in units if unit.id in held]
    if len(mine) < len(units):
        rows = [row for row in rows if row["item"] in held]
    await insert_many(connection, insert_or_replace(connection, stages), rows)
    await _write_effects(connection, [unit for unit in mine if unit.key])
    aside = [unit for unit in mine if not isinstance(unit.outcome, Done)]
    await _park(connection, owner, aside, state)
    await _delay(connection, owner, aside, state)
    await _fail(connection, owner, aside, state)
    await _bury(connection, owner, aside, state)
    return held


def _stage_row(unit: Unit, at: float) -> dict[str, Any]:
    output, error = _told(unit.outcome)
    return {
        "item": unit.id,
        "agent": unit.agent,
        "occurrence": unit.occurrence,
        "version": unit.version,
        "status": _STATUS[type(unit.outcome)],
        "attempts": unit.attempts,
        "at": at,
        "output": output,
        "error": error,
    }


def _told(outcome: Outcome | None) -> tuple[str | None, str | None]:
    match outcome:
        case Done():
            return outcome.output, None
        case Failed() | Dead():
            return None, outcome.failure.error
        case Waits():
            return None, outcome.reason
        case Delayed():
            return None, outcome.error
    return None, None


_STATUS: dict[type, str] = {
    Done: "done",
    Failed: "failed",
    Dead: "failed",
    Waits: "waiting",
    Delayed: "delayed",
}


async def _write_effects(connection: AsyncConnection, units: Sequence[Unit]) -> None:
    """Settle the intents whose outcome is certain now; the others stay as intended."""
    statuses: dict[str, list[int]] = {}
    if not_yet := [
        unit.id for unit in units if not unit.unknown and isinstance(unit.outcome, Delayed | Waits)
    ]:
        # Certainly nothing happened: an intent left behind would be settled as unknown later.
        await connection.execute(delete(effects).where(_intents(connection, units[0], not_yet)))
    for unit in units:
        if isinstance(unit.outcome, Done):
            statuses.setdefault("done", []).append(unit.id)
        elif isinstance(unit.outcome, Failed) and unit.outcome.clean:
            statuses.setdefault("refused", []).append(unit.id)
    for status, ids in statuses.items():
        await connection.execute(
            update(effects).where(_intents(connection, units[0], ids)).values(status=status)
        )


def _intents(connection: AsyncConnection, stage: Unit, ids: Sequence[int]) -> ColumnElement[bool]:
    """SQL: the effect of this stage on one of the items."""
    values = values_of(connection, ids)
    return and_(
        effects.c.agent == stage.agent,
        effects.c.occurrence == stage.occurrence,
        effects.c.item.in_(select(values.c.value)),
    )


async def _park(
    connection: AsyncConnection, owner: str, units: Sequence[Unit], state: State
) -> None:
    parked = {u.id: u.outcome.reason for u in units if isinstance(u.outcome, Waits)}
    held = [u for u in units if u.id in parked]
    since = {"waiting_since": now(), "decision": None}
    await move(connection, owner, held, Event.PARK, state, details=parked, owner=None, **since)


async def _delay(
    connection: AsyncConnection, owner: str, units: Sequence[Unit], state: State
) -> None:
    delayed = {u.id: u.outcome for u in units if isinstance(u.outcome, Delayed)}
    held = [u for u in units if u.id in delayed]
    details = {key: outcome.error for key, outcome in delayed.items()}
    await move(connection, owner, held, Event.DELAY, state, details=details, owner=None)
    waits = {key: outcome.seconds for key, outcome in delayed.items()}
    await assign(connection, "retry_at", waits, after=now())


async def _fail(
    connection: AsyncConnection, owner: str, units: Sequence[Unit], state: State
) -> None:
    """Forward failures turn the item to compensating; its holder goes on with that."""
    if state is State.COMPENSATING:
        return
    failures = {u.id: u.outcome.failure for u in units if isinstance(u.outcome, Failed)}
    held = [u for u in units if u.id in failures]
    details = {key: failure.error for key, failure in failures.items()}
    await move(connection, owner, held, Event.FAIL, state, details=details)
    await assign(
        connection, "failure", {key: _as_json(failure) for key, failure in failures.items()}
    )


async def _bury(
    connection: AsyncConnection, owner: str, units: Sequence[Unit], state: State
) -> None:
    """Dead letters. A compensation that cannot be finished is one too, and stays compensating."""
    kinds = (Dead, Failed) if state is State.COMPENSATING else (Dead,)
    dead = [u for u in units if isinstance(u.outcome, kinds)]
    if not dead:
        return
    failures = {u.id: u.outcome.failure for u in dead if isinstance(u.outcome, Dead | Failed)}
    details = {key: failure.error for key, failure in failures.items()}
    ended = {"ended_at": now()} if state is State.PROCESSING else {}
    await move(
        connection, owner, dead, Event.DEAD_LETTER, state, details=details, owner=None, **ended
    )
    if state is State.PROCESSING:
        failed = {key: _as_json(failure) for key, failure in failures.items()}
        await assign(connection, "failure", failed)
    rows = [
        {
            "item": u.id,
            "agent": u.agent,
            "version": u.version,
            "attempts": u.attempts,
            "error_type": failures[u.id].error_type,
            "error": failures[u.id].error,
        }
        for u in dead
    ]
    counted = {"count": dead_letters.c.count + 1, "original": dead_letters.c.original}
    statement = insert_or_replace(connection, dead_letters, **counted)
    await insert_many(connection, statement.values(at=now(), status="open", count=1), rows)


def _unstorable(unit: Unit, error: Exception) -> Failure:
    text = f"the journal cannot store this outcome: {type(error).__name__}"
    return Failure(unit.agent, type(error).__name__, text)


def _as_json(failure: Failure) -> str:
    return orjson.dumps(asdict(failure)).decode()
