"""Results of steps: intents are written before an effect, outcomes after it, in groups of items."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

import orjson
from sqlalchemy import BigInteger, ColumnElement, Update, and_, bindparam, delete, select, update
from sqlalchemy.exc import DBAPIError, OperationalError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.clock import clock
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.quick import fetch
from agents.runtime.journal.resources import give_back_of
from agents.runtime.journal.schema import effects, steps
from agents.runtime.journal.statements import (
    Halt,
    assign,
    bound_values,
    insert_columns,
    insert_dead_letters,
    insert_many,
    insert_new,
    insert_or_replace,
    is_sqlite,
    move,
    still_held,
    values_parameter,
)
from agents.runtime.model.item import (
    RENEWED,
    DeadLettered,
    Delayed,
    Done,
    Failed,
    Failure,
    Outcome,
    StepExecution,
    Waiting,
    decisive,
)
from agents.runtime.model.lifecycle import Event, State
from agents.runtime.model.policies import LONGEST_WAIT
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)


async def intend(
    database: Database,
    owner: str,
    executions: Sequence[StepExecution],
    state: State,
    riding: Sequence[StepExecution] = (),
) -> dict[int, Halt | None]:
    """Write the intents of an effect before its first call, and the outcomes of steps before it that ride.

    Returns the ids of the items still held in `state`, and for each whether a cancel or its deadline
    halts it. A halted item gets no intent, unless it is compensating. Missing ids were taken over by
    another process.
    """
    async with database.write(len(executions) + len(riding)) as connection:
        held = await still_held(connection, owner, [*executions, *riding], state)
        await write_done(connection, [one for one in riding if one.id in held])
        rows: list[dict[str, Any]] = [
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
        await _intend_renewed(connection, executions, {row["item"] for row in rows})
    return held


async def write_done(connection: AsyncConnection, riding: Sequence[StepExecution]) -> None:
    """Write the outcomes of steps without effects that succeeded, of items that are held."""
    if riding:
        columns = _step_columns(riding)
        await insert_columns(connection, insert_or_replace(connection, steps), columns)


async def _intend_renewed(
    connection: AsyncConnection, executions: Sequence[StepExecution], intended: set[int]
) -> None:
    """Intend the effects that have a new key: from now on it may have been used."""
    if renewed := [e.id for e in executions if e.renewed and e.id in intended]:
        await _set_effects(connection, executions[0], renewed, status="intended")


async def commit(
    database: Database,
    owner: str,
    executions: Sequence[StepExecution],
    state: State,
    woken: set[str] | None = None,
) -> set[int]:
    """Write the outcomes of a group in one transaction; returns the ids of the items still held.

    The group may have several steps of one item, which moves by the outcome that counts most. It gives
    back the resources that they held, and adds to `woken` the scenarios of items whose turn it is. If the
    database refuses a value, the group is halved until the item that causes it is alone; that item
    becomes a dead letter, and no effect is repeated. Other errors, such as a lost connection or a
    deadlock, are raised.
    """
    # Built before the transaction, which other processes wait for.
    columns = _step_columns(executions)
    try:
        async with database.write(len(executions)) as connection:
            return await _write_outcomes(connection, owner, executions, columns, state, woken)
    except (StatementError, UnicodeError) as error:
        if not is_refusal(error):
            raise
        ids = sorted({execution.id for execution in executions})
        if len(ids) == 1:
            for execution in executions:
                execution.outcome = DeadLettered(_unstorable_failure(execution, error))
            columns = _step_columns(executions)
            async with database.write(len(executions)) as connection:
                return await _write_outcomes(connection, owner, executions, columns, state, woken)
        middle = ids[len(ids) // 2]
        first = [execution for execution in executions if execution.id < middle]
        held = await commit(database, owner, first, state, woken)
        others = [execution for execution in executions if execution.id >= middle]
        return held | await commit(database, owner, others, state, woken)


def is_refusal(error: Exception) -> bool:
    """Whether the database or its driver refused a value: SQLSTATE class 22 or 23, or no SQLSTATE."""
    if not isinstance(error, DBAPIError):
        return True
    if error.connection_invalidated or isinstance(error, OperationalError):
        return False
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state is None or state[:2] in {"22", "23"}


async def _write_outcomes(  # noqa: PLR0913 - the parts of one transaction
    connection: AsyncConnection,
    owner: str,
    executions: Sequence[StepExecution],
    columns: dict[str, list[Any]],
    state: State,
    woken: set[str] | None,
) -> set[int]:
    held = set(await still_held(connection, owner, executions, state))
    mine = [execution for execution in executions if execution.id in held]
    if len(mine) < len(executions):
        columns = _step_columns(mine)
    if mine:
        await insert_columns(connection, insert_or_replace(connection, steps), columns)
    for of_step in _by_step(execution for execution in mine if execution.key):
        await _write_effects(connection, of_step)
    aside = decisive(mine)
    await _park(connection, owner, aside, state)
    await _delay(connection, owner, aside, state)
    await _fail(connection, owner, aside, state)
    await _add_dead_letters(connection, owner, aside, state)
    if any(execution.needs for execution in executions):
        (woken if woken is not None else set()).update(
            await give_back_of(connection, owner, executions, held)
        )
    return held


def _by_step(executions: Iterable[StepExecution]) -> Iterable[list[StepExecution]]:
    """The executions of each step; almost always there is one."""
    steps_of: dict[tuple[str, int], list[StepExecution]] = {}
    for execution in executions:
        steps_of.setdefault((execution.agent, execution.occurrence), []).append(execution)
    return steps_of.values()


def _step_columns(executions: Sequence[StepExecution]) -> dict[str, list[Any]]:
    """The columns of the steps; each is `at` the end of its last attempt, not at its commit.

    Durations are of the monotonic clock, so that setting the clock of the host makes none wrong.
    """
    now_here = clock().time()
    ahead = now_here - clock().monotonic()
    outcomes = [_output_and_error(execution.outcome) for execution in executions]
    return {
        "item": [one.item.id for one in executions],
        "agent": [one.agent for one in executions],
        "occurrence": [one.occurrence for one in executions],
        "version": [one.version for one in executions],
        "status": [_STATUS[type(one.outcome)] for one in executions],
        "attempts": [one.attempts for one in executions],
        "at": [now_here if one.ended is None else one.ended + ahead for one in executions],
        "output": [output for output, _ in outcomes],
        "error": [
            error or one.instead for one, (_, error) in zip(executions, outcomes, strict=True)
        ],
        "started_at": [None if one.begun is None else one.begun + ahead for one in executions],
        "used": [_used(one) for one in executions],
    }


def _used(execution: StepExecution) -> str | None:
    if execution.used is None and execution.used_before is None:
        return None
    return orjson.dumps(execution.used_in_total).decode()


def _output_and_error(outcome: Outcome | None) -> tuple[str | None, str | None]:
    if isinstance(outcome, Done):  # almost all are
        return outcome.output, None
    match outcome:
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
    """Settle the intents that are not repeated; the others stay `intended`."""
    statuses: dict[str, list[int]] = {}
    not_called = [
        execution
        for execution in executions
        if not execution.unknown and isinstance(execution.outcome, Delayed | Waiting)
    ]
    await _renew(connection, [execution for execution in not_called if execution.renewed])
    if not_begun := [e.id for e in not_called if not (e.renewed or e.spent)]:
        # Nothing happened. An intent that stayed would be settled as an unknown outcome later.
        lite = is_sqlite(connection)
        forget = delete(effects).where(_effects_of_step(by_sqlite=lite))
        await connection.execute(forget, _of_step(executions[0], not_begun, by_sqlite=lite))
    await _mark_spent(connection, executions)
    for execution in executions:
        if isinstance(execution.outcome, Done):
            status = "unknown" if execution.outcome.presumed else "done"
            statuses.setdefault(status, []).append(execution.id)
        elif isinstance(execution.outcome, Failed) and execution.outcome.clean:
            statuses.setdefault("refused", []).append(execution.id)
    lite = is_sqlite(connection)
    for status, ids in statuses.items():
        settled = _of_step(executions[0], ids, by_sqlite=lite) | {"settled": status}
        await fetch(connection, _settle(by_sqlite=lite), settled)


async def _renew(connection: AsyncConnection, executions: Sequence[StepExecution]) -> None:
    """Write the keys of the next generation, with which no call has been made."""
    for execution in executions:
        await _set_effects(
            connection,
            execution,
            [execution.id],
            key=execution.key,
            generation=execution.generation,
            intended_at=execution.intended_at,
            status=RENEWED,
            spent=False,
        )


async def _mark_spent(connection: AsyncConnection, executions: Sequence[StepExecution]) -> None:
    """Note which keys bring only failures, so that no later attempt is used to find that out again."""
    undecided = Delayed | Waiting | DeadLettered
    spent = [e.id for e in executions if e.spent and e.unknown and isinstance(e.outcome, undecided)]
    if spent:
        await _set_effects(connection, executions[0], spent, spent=True)


async def _set_effects(
    connection: AsyncConnection, step: StepExecution, ids: Sequence[int], **values: Any
) -> None:
    """Change the effects of this step on these items."""
    lite = is_sqlite(connection)
    change = update(effects).where(_effects_of_step(by_sqlite=lite)).values(**values)
    await connection.execute(change, _of_step(step, ids, by_sqlite=lite))


@cache  # each commit of an effect needs it
def _settle(*, by_sqlite: bool) -> Update:
    return (
        update(effects)
        .where(_effects_of_step(by_sqlite=by_sqlite))
        .values(status=bindparam("settled"))
    )


def _effects_of_step(*, by_sqlite: bool) -> ColumnElement[bool]:
    """SQL: the effects of the step that `_of_step` names."""
    values = bound_values("of_items", BigInteger(), by_sqlite=by_sqlite)
    return and_(
        effects.c.agent == bindparam("of_agent"),
        effects.c.occurrence == bindparam("of_occurrence"),
        effects.c.item.in_(select(values.c.value)),
    )


def _of_step(step: StepExecution, ids: Sequence[int], *, by_sqlite: bool) -> dict[str, Any]:
    """The parameters of `_effects_of_step`."""
    items = values_parameter(ids, by_sqlite=by_sqlite)
    return {"of_agent": step.agent, "of_occurrence": step.occurrence, "of_items": items}


async def _park(
    connection: AsyncConnection, owner: str, executions: Sequence[StepExecution], state: State
) -> None:
    parked = {e.id: e.outcome.reason for e in executions if isinstance(e.outcome, Waiting)}
    held = [execution for execution in executions if execution.id in parked]
    since = {"waiting_since": now(), "decision": None}
    await move(connection, owner, held, Event.PARK, state, details=parked, owner=None, **since)


async def _delay(
    connection: AsyncConnection, owner: str, executions: Sequence[StepExecution], state: State
) -> None:
    delayed = {e.id: e.outcome for e in executions if isinstance(e.outcome, Delayed)}
    held = [execution for execution in executions if execution.id in delayed]
    details = {key: outcome.error for key, outcome in delayed.items()}
    await move(connection, owner, held, Event.DELAY, state, details=details, owner=None)
    waits = {key: min(outcome.seconds, LONGEST_WAIT) for key, outcome in delayed.items()}
    await assign(connection, "retry_at", waits, after=now())


async def _fail(
    connection: AsyncConnection, owner: str, executions: Sequence[StepExecution], state: State
) -> None:
    """Items whose step failed become compensating; their holder continues with that."""
    if state is State.COMPENSATING:
        return
    failures = {e.id: e.outcome.failure for e in executions if isinstance(e.outcome, Failed)}
    held = [execution for execution in executions if execution.id in failures]
    details = {key: failure.error for key, failure in failures.items()}
    await move(connection, owner, held, Event.FAIL, state, details=details)
    await assign(
        connection, "failure", {key: _as_json(failure) for key, failure in failures.items()}
    )


async def _add_dead_letters(
    connection: AsyncConnection, owner: str, executions: Sequence[StepExecution], state: State
) -> None:
    """Write dead letters. An item whose compensation fails gets one too and stays compensating."""
    kinds = (DeadLettered, Failed) if state is State.COMPENSATING else (DeadLettered,)
    dead = [execution for execution in executions if isinstance(execution.outcome, kinds)]
    if not dead:
        return
    failures = {
        e.id: e.outcome.failure for e in dead if isinstance(e.outcome, DeadLettered | Failed)
    }
    details = {key: failure.error for key, failure in failures.items()}
    ended = {"ended_at": now()} if state is State.PROCESSING else {}
    await move(
        connection, owner, dead, Event.DEAD_LETTER, state, details=details, owner=None, **ended
    )
    if state is State.PROCESSING:
        failed = {key: _as_json(failure) for key, failure in failures.items()}
        await assign(connection, "failure", failed)
    letters = [
        {
            "item": execution.id,
            "agent": execution.agent,
            "version": execution.version,
            "attempts": execution.attempts,
            "error_type": failures[execution.id].error_type,
            "error": failures[execution.id].error,
        }
        for execution in dead
    ]
    await insert_dead_letters(connection, letters)


def _unstorable_failure(execution: StepExecution, error: Exception) -> Failure:
    text = f"the journal cannot store this outcome: {type(error).__name__}"
    return Failure(execution.agent, type(error).__name__, text)


def _as_json(failure: Failure) -> str:
    return orjson.dumps(asdict(failure)).decode()
