"""What agents did, written down: intents before an effect, outcomes after it, ends of items."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.exc import DBAPIError, OperationalError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.clock import clock
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.schema import dead_letters, effects, steps
from agents.runtime.journal.statements import (
    Halt,
    assign,
    insert_many,
    insert_new,
    insert_or_replace,
    move,
    still_held,
    values_of,
)
from agents.runtime.model.item import (
    DeadLettered,
    Delayed,
    Done,
    Failed,
    Failure,
    Outcome,
    StepExecution,
    Waiting,
)
from agents.runtime.model.lifecycle import Event, State
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)


async def intend(
    database: Database, owner: str, executions: Sequence[StepExecution], state: State
) -> dict[int, Halt | None]:
    """Write the intents of an effect before it is tried.

    Returns the items still held in `state`, and for each whether a cancel or its deadline halts it;
    of those no intent is written, unless they are compensated already. Items that do not come back are lost
    to another owner.
    """
    async with database.write() as connection:
        held = await still_held(connection, owner, executions, state)
        rows = [
            {
                "item": execution.id,
                "agent": execution.agent,
                "occurrence": execution.occurrence,
                "key": execution.key,
                "intended_at": execution.intended_at,
            }
            for execution in executions
            if execution.id in held and not (held[execution.id] and state is State.PROCESSING)
        ]
        await insert_many(connection, insert_new(connection, effects, status="intended"), rows)
    return held


async def commit(
    database: Database, owner: str, executions: Sequence[StepExecution], state: State
) -> set[int]:
    """Write the outcomes of a group in one transaction; returns the items still held.

    A group whose values the database refuses is halved until the guilty item is alone; that one
    becomes a dead letter, and no effect is repeated. Any other trouble, such as a lost connection
    or a deadlock, is no item's fault and is raised.
    """
    at = clock().time()
    rows = [
        _step_row(execution, at) for execution in executions
    ]  # before the transaction: others wait for its end
    try:
        async with database.write() as connection:
            return await _write(connection, owner, executions, rows, state)
    except (StatementError, UnicodeError) as error:
        if not is_refusal(error):
            raise
        if len(executions) == 1:
            execution = executions[0]
            execution.outcome = DeadLettered(_unstorable(execution, error))
            async with database.write() as connection:
                return await _write(
                    connection, owner, executions, [_step_row(execution, at)], state
                )
        middle = len(executions) // 2
        first = await commit(database, owner, executions[:middle], state)
        return first | await commit(database, owner, executions[middle:], state)


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
    executions: Sequence[StepExecution],
    rows: list[dict[str, Any]],
    state: State,
) -> set[int]:
    held = set(await still_held(connection, owner, executions, state))
    mine = [execution for execution in executions if execution.id in held]
    if len(mine) < len(executions):
        rows = [row for row in rows if row["item"] in held]
    await insert_many(connection, insert_or_replace(connection, steps), rows)
    await _write_effects(connection, [execution for execution in mine if execution.key])
    aside = [execution for execution in mine if not isinstance(execution.outcome, Done)]
    await _park(connection, owner, aside, state)
    await _delay(connection, owner, aside, state)
    await _fail(connection, owner, aside, state)
    await _add_dead_letter(connection, owner, aside, state)
    return held


def _step_row(execution: StepExecution, at: float) -> dict[str, Any]:
    output, error = _told(execution.outcome)
    return {
        "item": execution.id,
        "agent": execution.agent,
        "occurrence": execution.occurrence,
        "version": execution.version,
        "status": _STATUS[type(execution.outcome)],
        "attempts": execution.attempts,
        "at": at,
        "output": output,
        "error": error,
    }


def _told(outcome: Outcome | None) -> tuple[str | None, str | None]:
    match outcome:
        case Done():
            return outcome.output, None
        case Failed() | DeadLettered():
            return None, outcome.failure.error
        case Waiting():
            return None, outcome.reason
        case Delayed():
            return None, outcome.error
    return None, None


_STATUS: dict[type, str] = {
    Done: "done",
    Failed: "failed",
    DeadLettered: "failed",
    Waiting: "waiting",
    Delayed: "delayed",
}


async def _write_effects(connection: AsyncConnection, executions: Sequence[StepExecution]) -> None:
    """Settle the intents whose outcome is certain now; the others stay as intended."""
    statuses: dict[str, list[int]] = {}
    if not_yet := [
        execution.id
        for execution in executions
        if not execution.unknown and isinstance(execution.outcome, Delayed | Waiting)
    ]:
        # Certainly nothing happened: an intent left behind would be settled as unknown later.
        await connection.execute(
            delete(effects).where(_intents(connection, executions[0], not_yet))
        )
    for execution in executions:
        if isinstance(execution.outcome, Done):
            statuses.setdefault("done", []).append(execution.id)
        elif isinstance(execution.outcome, Failed) and execution.outcome.clean:
            statuses.setdefault("refused", []).append(execution.id)
    for status, ids in statuses.items():
        await connection.execute(
            update(effects).where(_intents(connection, executions[0], ids)).values(status=status)
        )


def _intents(
    connection: AsyncConnection, step: StepExecution, ids: Sequence[int]
) -> ColumnElement[bool]:
    """SQL: the effect of this stage on one of the items."""
    values = values_of(connection, ids)
    return and_(
        effects.c.agent == step.agent,
        effects.c.occurrence == step.occurrence,
        effects.c.item.in_(select(values.c.value)),
    )


async def _park(
    connection: AsyncConnection, owner: str, executions: Sequence[StepExecution], state: State
) -> None:
    parked = {u.id: u.outcome.reason for u in executions if isinstance(u.outcome, Waiting)}
    held = [u for u in executions if u.id in parked]
    since = {"waiting_since": now(), "decision": None}
    await move(connection, owner, held, Event.PARK, state, details=parked, owner=None, **since)


async def _delay(
    connection: AsyncConnection, owner: str, executions: Sequence[StepExecution], state: State
) -> None:
    delayed = {u.id: u.outcome for u in executions if isinstance(u.outcome, Delayed)}
    held = [u for u in executions if u.id in delayed]
    details = {key: outcome.error for key, outcome in delayed.items()}
    await move(connection, owner, held, Event.DELAY, state, details=details, owner=None)
    waits = {key: outcome.seconds for key, outcome in delayed.items()}
    await assign(connection, "retry_at", waits, after=now())


async def _fail(
    connection: AsyncConnection, owner: str, executions: Sequence[StepExecution], state: State
) -> None:
    """Forward failures turn the item to compensating; its holder goes on with that."""
    if state is State.COMPENSATING:
        return
    failures = {u.id: u.outcome.failure for u in executions if isinstance(u.outcome, Failed)}
    held = [u for u in executions if u.id in failures]
    details = {key: failure.error for key, failure in failures.items()}
    await move(connection, owner, held, Event.FAIL, state, details=details)
    await assign(
        connection, "failure", {key: _as_json(failure) for key, failure in failures.items()}
    )


async def _add_dead_letter(
    connection: AsyncConnection, owner: str, executions: Sequence[StepExecution], state: State
) -> None:
    """Dead letters. A compensation that cannot be finished is one too, and stays compensating."""
    kinds = (DeadLettered, Failed) if state is State.COMPENSATING else (DeadLettered,)
    dead = [u for u in executions if isinstance(u.outcome, kinds)]
    if not dead:
        return
    failures = {
        u.id: u.outcome.failure for u in dead if isinstance(u.outcome, DeadLettered | Failed)
    }
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


def _unstorable(execution: StepExecution, error: Exception) -> Failure:
    text = f"the journal cannot store this outcome: {type(error).__name__}"
    return Failure(execution.agent, type(error).__name__, text)


def _as_json(failure: Failure) -> str:
    return orjson.dumps(asdict(failure)).decode()
