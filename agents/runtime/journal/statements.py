"""Set-based SQL for both databases: the building blocks of every compare-and-set."""

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from functools import cache, lru_cache
from itertools import repeat
from typing import Any, Protocol

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    FromClause,
    Integer,
    Select,
    Table,
    Text,
    Update,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal import hour_counts
from agents.runtime.journal.database import now
from agents.runtime.journal.quick import fetch
from agents.runtime.journal.schema import dead_letters, history, items
from agents.runtime.journal.webhook_events import announce
from agents.runtime.model.lifecycle import TRANSITIONS, Event, State

MANY_ROWS = 32  # from here on it is quicker to change the mode of plans twice


class Held(Protocol):
    """A work item that a process holds: its id and the fence it was claimed with."""

    @property
    def id(self) -> int:
        """The item's id."""
        ...

    @property
    def fence(self) -> int:
        """The fence of the claim."""
        ...


def is_sqlite(connection: AsyncConnection) -> bool:
    """Whether this is a connection to SQLite."""
    return connection.dialect.name == "sqlite"


def insert_new(connection: AsyncConnection, table: Table, **constant: Any) -> Any:
    """An INSERT that skips existing rows; each row gets the `constant` columns."""
    return _insert_new(_dialect(connection), table, tuple(constant.items()))


@cache
def _insert_new(dialect: Any, table: Table, constant: tuple[tuple[str, Any], ...]) -> Any:
    return dialect.insert(table).values(dict(constant)).on_conflict_do_nothing()


def insert_or_replace(connection: AsyncConnection, table: Table, **instead: Any) -> Any:
    """An INSERT that overwrites the row with the same primary key, columns in `instead` with those."""
    dialect = _dialect(connection)
    return _replacing(dialect, table, instead) if instead else _insert_or_replace(dialect, table)


@cache
def _insert_or_replace(dialect: Any, table: Table) -> Any:
    # Cached, since each commit of a step needs it and `excluded` copies the whole table.
    return _replacing(dialect, table, {})


def _replacing(dialect: Any, table: Table, instead: dict[str, Any]) -> Any:
    statement = dialect.insert(table)
    keys = [column.name for column in table.primary_key]
    changed = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed | instead)


def upsert(table: Table, *, by_sqlite: bool) -> Any:
    """An INSERT to which `on_conflict_do_update` can be added."""
    return (sqlite if by_sqlite else postgresql).insert(table)


def greatest(*values: Any, by_sqlite: bool) -> ColumnElement[Any]:
    """SQL: the greatest of the values."""
    return func.max(*values) if by_sqlite else func.greatest(*values)


def insert_or_change(
    connection: AsyncConnection,
    table: Table,
    changes: dict[str, Any],
    where: ColumnElement[bool] | None = None,
) -> Any:
    """An INSERT that changes the row with the same primary key instead, if `where` is true."""
    statement = _dialect(connection).insert(table)
    keys = [column.name for column in table.primary_key]
    return statement.on_conflict_do_update(index_elements=keys, set_=changes, where=where)


def _dialect(connection: AsyncConnection) -> Any:
    return sqlite if is_sqlite(connection) else postgresql


def values_of(connection: AsyncConnection, values: Sequence[int] | Sequence[str]) -> FromClause:
    """SQL: the values as a table with one column `value`, passed as one parameter."""
    if is_sqlite(connection):
        return func.json_each(orjson.dumps(values).decode()).table_valued("value")
    kind: Any = BigInteger() if isinstance(values[0], int) else Text()
    array: Any = literal(list(values), ARRAY(kind))
    return func.unnest(array).table_valued("value").render_derived()


def bound_values(name: str, kind: Any, *, by_sqlite: bool) -> FromClause:
    """As `values_of`, for a cached statement; `values_parameter` makes its parameter `name`."""
    if by_sqlite:
        return func.json_each(bindparam(name)).table_valued("value")
    each = func.unnest(bindparam(name, type_=ARRAY(kind)))
    return each.table_valued("value").render_derived()


def is_one_of(column: ColumnElement[Any], name: str, *, by_sqlite: bool) -> ColumnElement[bool]:
    """SQL: the column has one of the bound values, see `bound_values`, which PostgreSQL plans longer."""
    if by_sqlite:
        return column.in_(select(bound_values(name, column.type, by_sqlite=True).c.value))
    return column == func.any(bindparam(name, type_=ARRAY(column.type)))


def values_parameter(values: Sequence[int] | Sequence[str], *, by_sqlite: bool) -> Any:
    """The parameter for `bound_values`."""
    return orjson.dumps(values).decode() if by_sqlite else list(values)


def _are_held(state: State, *, by_sqlite: bool) -> ColumnElement[bool]:
    """SQL: the item is one of the given ids, held by the holder in this state and the given fence."""
    if by_sqlite:
        each = func.json_each(bindparam("held_items")).table_valued("value")
        pairs = select(
            func.json_extract(each.c.value, "$[0]"), func.json_extract(each.c.value, "$[1]")
        )
    else:
        ids = bindparam("held_ids", type_=ARRAY(BigInteger))
        fences = bindparam("held_fences", type_=ARRAY(Integer))
        each = func.unnest(ids, fences).table_valued("id", "fence").render_derived()
        pairs = select(each.c.id, each.c.fence)
    return and_(tuple_(items.c.id, items.c.fence).in_(pairs), _is_held(state))


def _is_held(state: State) -> ColumnElement[bool]:
    """SQL: the holder holds the item in this state."""
    # `coalesce` keeps the index of owners out of the plan: look items up by id, never scan all held.
    by_holder = func.coalesce(items.c.owner, "") == bindparam("holder")
    # A literal: SQLite plans a statement again at each call if a partial index might fit a parameter.
    return and_(by_holder, items.c.state == literal_column(f"'{state}'"))


def _held_parameters(
    connection: AsyncConnection, holder: str, held: Sequence[Held]
) -> dict[str, Any]:
    """The parameters for `_are_held`."""
    if is_sqlite(connection):
        pairs = orjson.dumps([(one.id, one.fence) for one in held]).decode()
        return {"holder": holder, "held_items": pairs}
    ids, fences = [h.id for h in held], [h.fence for h in held]
    return {"holder": holder, "held_ids": ids, "held_fences": fences}


class Halt(StrEnum):
    """Why an item must begin nothing new except compensations."""

    CANCEL = "cancel"
    DEADLINE = "deadline"


async def still_held(
    connection: AsyncConnection, owner: str, held: Sequence[Held], state: State
) -> dict[int, Halt | None]:
    """Lock the items that `owner` still holds in `state`; for each, whether and why it is halted."""
    if not held:
        return {}
    lite, fences = is_sqlite(connection), {item.id: item.fence for item in held}
    ids = values_parameter(list(fences), by_sqlite=lite)
    parameters = {"holder": owner, "ids": ids}
    found = await fetch(connection, _still_held(state, by_sqlite=lite), parameters)
    # A takeover raises the fence. Comparing it here is cheaper than in SQL.
    return {key: halt and Halt(halt) for key, fence, halt in found if fence == fences[key]}


def _halt_reason() -> ColumnElement[str | None]:
    """SQL: the value of Halt, or NULL; by the database's clock, as for leases."""
    return case(
        (items.c.cancel_requested, literal(Halt.CANCEL.value)),
        (items.c.deadline <= now(), literal(Halt.DEADLINE.value)),
        else_=None,
    )


@cache  # each commit of a step needs it
def _still_held(state: State, *, by_sqlite: bool) -> Select[Any]:
    values = bound_values("ids", BigInteger(), by_sqlite=by_sqlite)
    return (
        select(items.c.id, items.c.fence, _halt_reason())
        .where(items.c.id.in_(select(values.c.value)), _is_held(state))
        .order_by(items.c.id)
        .with_for_update(of=items)
    )


async def move(  # noqa: PLR0913 - the parts of one UPDATE with its history
    connection: AsyncConnection,
    holder: str,
    held: Sequence[Held],
    event: Event,
    source: State,
    *,
    details: dict[int, str] | None = None,
    **values: Any,
) -> set[int]:
    """Compare-and-set: apply `event` to the items that `holder` holds in state `source`.

    Returns the ids that moved. An item that is no longer held, or is in another state, stays
    unchanged. Raises KeyError for an event that the lifecycle does not allow in `source`.
    """
    if not held:
        return set()
    statement = _move(is_sqlite(connection), source, event, tuple(values.items()))
    parameters = _held_parameters(connection, holder, held)
    moved = await fetch(connection, statement, parameters)
    ids = [key for key, _, _ in moved]
    if details:
        await record(connection, moved, event, source, holder, details)
    else:
        await record_latest(connection, ids, event, source, holder)
    return set(ids)


@lru_cache(maxsize=64)
def _move(
    by_sqlite: bool,  # noqa: FBT001 - all are parts of the cache's key
    source: State,
    event: Event,
    values: tuple[tuple[str, Any], ...],
) -> Update:
    return (
        update(items)
        .where(_are_held(source, by_sqlite=by_sqlite))
        .values(state=TRANSITIONS[source, event], sequence=items.c.sequence + 1, **dict(values))
        .returning(items.c.id, items.c.sequence, items.c.fence)
    )


_INSERT_HISTORY = insert(history).values(at=now())


async def record(  # noqa: PLR0913 - the columns of one history row
    connection: AsyncConnection,
    moved: Iterable[Any],
    event: Event,
    source: State | None,
    owner: str | None,
    details: dict[int, str],
) -> None:
    """Append one history row for each item that moved.

    Items that were accepted or ended are counted, and what outsiders may want to hear is announced.
    """
    rows = list(moved)
    if not rows:
        return
    ids = [row.id for row in rows]
    columns = {
        "item": ids,
        "sequence": [row.sequence for row in rows],
        "event": repeat(event),
        "source": repeat(source),
        "target": repeat(TRANSITIONS[source, event]),
        "owner": repeat(owner),
        "fence": [row.fence for row in rows],
        "detail": [details.get(row.id) for row in rows],
    }
    await insert_columns(connection, _INSERT_HISTORY, columns)
    await _tell(connection, ids, event, source)


async def record_latest(  # noqa: PLR0913 - the columns of one history row
    connection: AsyncConnection,
    ids: Sequence[int],
    event: Event,
    source: State | None,
    owner: str | None,
    *,
    behind: int = 0,
) -> None:
    """As `record`, for many items as they stand now; the database reads sequence and fence itself.

    An event `behind` has a sequence and a fence that are lower by that.
    """
    if not ids:
        return
    lite = is_sqlite(connection)
    parameters = {
        "ids": values_parameter(ids, by_sqlite=lite),
        "behind": behind,
        "event": event,
        "source": source,
        "target": TRANSITIONS[source, event],
        "owner": owner,
    }
    async with _foreign_keys_of_many(connection, len(ids)):
        await fetch(connection, _history_of_latest(by_sqlite=lite), parameters)
    await _tell(connection, ids, event, source)


@cache
def _history_of_latest(*, by_sqlite: bool) -> Any:
    values = bound_values("ids", BigInteger(), by_sqlite=by_sqlite)
    behind = bindparam("behind", type_=Integer())
    words = [bindparam(name, type_=Text()) for name in ("event", "source", "target", "owner")]
    # PostgreSQL looks the ids of an array up, whatever the table held when it made its plan.
    ids = select(values.c.value)
    chosen = (
        items.c.id.in_(ids)
        if by_sqlite
        else items.c.id == func.any(func.array(ids.scalar_subquery()))
    )
    latest = select(
        *(items.c.id, items.c.sequence - behind, now(), *words, items.c.fence - behind)
    ).where(chosen)
    names = ("item", "sequence", "at", "event", "source", "target", "owner", "fence")
    return insert(history).from_select(names, latest)


async def _tell(
    connection: AsyncConnection, ids: Sequence[int], event: Event, source: State | None
) -> None:
    """Count items that were accepted or ended, and announce what outsiders may want to hear."""
    if name := hour_counts.counted_as(event, source):
        await hour_counts.add(connection, ids, name)
    await announce(connection, ids, event)


async def assign(
    connection: AsyncConnection,
    column: str,
    values: dict[int, Any],
    after: ColumnElement[Any] | None = None,
) -> None:
    """Set one column of many items to a value each; with `after`, to that SQL time plus the value."""
    if not values:
        return
    if is_sqlite(connection):
        columns: Any = bindparam("item"), bindparam("value")
        rows: Any = [{"item": item, "value": value} for item, value in values.items()]
    else:  # one statement for all, where a message for each row takes several times as long
        kinds = {"of": BigInteger(), "to": items.c[column].type}
        arrays = (bindparam(name, type_=ARRAY(kind)) for name, kind in kinds.items())
        columns = func.unnest(*arrays).table_valued("item", "value").render_derived().c
        rows = {"of": list(values), "to": list(values.values())}
    item, value = columns
    new = value if after is None else after + value
    await connection.execute(update(items).where(items.c.id == item).values({column: new}), rows)


async def insert_many(
    connection: AsyncConnection, statement: Any, rows: list[dict[str, Any]]
) -> Any:
    """Run an INSERT for many rows, all with the same columns; without rows do nothing.

    Returns the result, which has rows on PostgreSQL if the statement has a RETURNING clause.

    The driver gets plain values, since SQLAlchemy's conversion takes as long as the database itself
    and no type of the schema needs it. PostgreSQL gets one array per column in one statement; one
    message per row takes three times as long.
    """
    if not rows:
        return None
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return await insert_columns(connection, statement, columns)


async def insert_columns(
    connection: AsyncConnection, statement: Any, columns: Mapping[str, Iterable[Any]]
) -> Any:
    """As `insert_many`, of the values of each column in turn; those that repeat one value may be endless."""
    sql, names, constant = compiled(statement, connection.dialect, tuple(columns))
    each = [columns[name] if name in columns else repeat(constant[name]) for name in names]
    values = list(zip(*each, strict=False))
    if is_sqlite(connection) or (by_arrays := array_insert(sql)) is None:
        return await connection.exec_driver_sql(sql, values)
    arrays = tuple(map(list, zip(*values, strict=True)))
    async with _foreign_keys_of_many(connection, len(values)):
        return await connection.exec_driver_sql(by_arrays, arrays)


@asynccontextmanager
async def _foreign_keys_of_many(connection: AsyncConnection, rows: int) -> AsyncIterator[None]:
    """Have PostgreSQL check the foreign keys of many new rows by one plan.

    In our mode of plans (see `POSTGRESQL_OPTIONS`) it makes a plan for the check of each row, which takes
    four times as long as all else of an INSERT.
    """
    if is_sqlite(connection) or rows < MANY_ROWS:
        yield
        return
    await connection.exec_driver_sql("SET LOCAL plan_cache_mode TO auto")
    yield
    await connection.exec_driver_sql("SET LOCAL plan_cache_mode TO force_custom_plan")


async def insert_dead_letters(connection: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """Insert open dead letters; an item that already has one gets it opened again and counted."""
    kept = {"count": dead_letters.c.count + 1, "original": dead_letters.c.original}
    statement = insert_or_replace(connection, dead_letters, **kept)
    await insert_many(connection, statement.values(at=now(), status="open", count=1), rows)


@lru_cache(maxsize=64)
def compiled(
    statement: Any, dialect: Dialect, columns: tuple[str, ...]
) -> tuple[str, Sequence[str], dict[str, Any]]:
    """The SQL, the names of its parameters in order, and the values of its constants."""
    result = statement.compile(dialect=dialect, column_keys=columns)
    return str(result), result.positiontup, result.params


_PARAMETER = re.compile(r"\$(\d+)::([A-Z]+)")


@lru_cache(maxsize=64)
def array_insert(sql: str) -> str | None:
    """The same INSERT with one array per column; None if its ON CONFLICT clause has parameters."""
    head, _, tail = sql.partition(" VALUES (")
    row, conflict, then = tail.partition(") ON CONFLICT")
    if "$" in then:
        return None
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in _PARAMETER.findall(row))
    names = ", ".join(f"c{n}" for n, _ in _PARAMETER.findall(row))
    row = _PARAMETER.sub(r"c\1", row if conflict else row.removesuffix(")"))
    rest = f"ON CONFLICT{then}" if conflict else ""
    return f"{head} SELECT {row} FROM unnest({arrays}) AS new ({names}) {rest}"  # noqa: S608 - built from SQLAlchemy's own SQL
