"""Set-based SQL that both databases understand: the building blocks of every compare-and-set."""

import json
import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any, Protocol

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
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.database import now
from agents.runtime.journal.schema import history, items
from agents.runtime.model.lifecycle import TRANSITIONS, Event, State


class Held(Protocol):
    """A work item as its holder sees it: its id and the fence it was claimed with."""

    @property
    def id(self) -> int:
        """The item's id."""
        ...

    @property
    def fence(self) -> int:
        """The fence of the claim."""
        ...


def is_sqlite(connection: AsyncConnection) -> bool:
    """Whether the connection leads to SQLite."""
    return connection.dialect.name == "sqlite"


def insert_new(connection: AsyncConnection, table: Table, **constant: Any) -> Any:
    """An INSERT that leaves rows alone that are there already, with the same constants in each."""
    return _insert_new(_dialect(connection), table, tuple(constant.items()))


@cache
def _insert_new(dialect: Any, table: Table, constant: tuple[tuple[str, Any], ...]) -> Any:
    return dialect.insert(table).values(dict(constant)).on_conflict_do_nothing()


def insert_or_replace(connection: AsyncConnection, table: Table, **instead: Any) -> Any:
    """An INSERT that overwrites the row with the same primary key, some columns with `instead`."""
    dialect = _dialect(connection)
    return _replacing(dialect, table, instead) if instead else _insert_or_replace(dialect, table)


@cache
def _insert_or_replace(dialect: Any, table: Table) -> Any:
    # Kept, as every group of every stage asks for it: `excluded` copies the whole table.
    return _replacing(dialect, table, {})


def _replacing(dialect: Any, table: Table, instead: dict[str, Any]) -> Any:
    statement = dialect.insert(table)
    keys = [column.name for column in table.primary_key]
    changed = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed | instead)


def upsert(table: Table, *, by_sqlite: bool) -> Any:
    """An INSERT that can say what to do about a row that is there already."""
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
    """An INSERT that makes these changes to the row with the same primary key, if `where` holds."""
    statement = _dialect(connection).insert(table)
    keys = [column.name for column in table.primary_key]
    return statement.on_conflict_do_update(index_elements=keys, set_=changes, where=where)


def _dialect(connection: AsyncConnection) -> Any:
    return sqlite if is_sqlite(connection) else postgresql


def values_of(connection: AsyncConnection, values: Sequence[int] | Sequence[str]) -> FromClause:
    """The values as a table with one column `value`, passed as one parameter."""
    if is_sqlite(connection):
        return func.json_each(json.dumps(values)).table_valued("value")
    kind: Any = BigInteger() if isinstance(values[0], int) else Text()
    array: Any = literal(list(values), ARRAY(kind))
    return func.unnest(array).table_valued("value").render_derived()


def values_named(name: str, kind: Any, *, by_sqlite: bool) -> FromClause:
    """As `values_of`, for a statement that is kept: `as_values` makes its parameter `name`."""
    if by_sqlite:
        return func.json_each(bindparam(name)).table_valued("value")
    each = func.unnest(bindparam(name, type_=ARRAY(kind)))
    return each.table_valued("value").render_derived()


def as_values(values: Sequence[int] | Sequence[str], *, by_sqlite: bool) -> Any:
    """The parameter of `values_named`."""
    return json.dumps(values) if by_sqlite else list(values)


def _held(*, by_sqlite: bool) -> ColumnElement[bool]:
    """SQL: the item is one of these, and the holder still has it under the same fence and state."""
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
    return and_(tuple_(items.c.id, items.c.fence).in_(pairs), _mine())


def _mine() -> ColumnElement[bool]:
    """SQL: the holder has the item, in this state."""
    # The unary plus of SQLite, spelt portably: look up by id, never walk along all held items.
    mine = func.coalesce(items.c.owner, "") == bindparam("holder")
    return and_(mine, items.c.state == bindparam("held_state"))


def _holding(
    connection: AsyncConnection, holder: str, held: Sequence[Held], state: State
) -> dict[str, Any]:
    """The parameters of `_held`."""
    parameters: dict[str, Any] = {"holder": holder, "held_state": state}
    if is_sqlite(connection):
        return parameters | {"held_items": json.dumps([(h.id, h.fence) for h in held])}
    ids, fences = [h.id for h in held], [h.fence for h in held]
    return parameters | {"held_ids": ids, "held_fences": fences}


class Halt(StrEnum):
    """Why an item must begin nothing new but compensations."""

    CANCEL = "cancel"
    DEADLINE = "deadline"


async def still_held(
    connection: AsyncConnection, owner: str, held: Sequence[Held], state: State
) -> dict[int, Halt | None]:
    """The items that `owner` still holds in `state`, locked; and why one must not go forward."""
    if not held:
        return {}
    lite, fences = is_sqlite(connection), {one.id: one.fence for one in held}
    given = {"holder": owner, "held_state": state, "ids": as_values(list(fences), by_sqlite=lite)}
    result = await connection.execute(_still_held(by_sqlite=lite), given)
    # Whoever took one over raised its fence; compared here, it costs the database nothing.
    return {key: halt and Halt(halt) for key, fence, halt in result.all() if fence == fences[key]}


def _halt() -> ColumnElement[str | None]:
    """SQL: see Halt. The database's clock decides, as it does about leases."""
    return case(
        (items.c.cancel_requested, literal(Halt.CANCEL.value)),
        (items.c.deadline <= now(), literal(Halt.DEADLINE.value)),
        else_=None,
    )


@cache  # every group of every stage asks for it
def _still_held(*, by_sqlite: bool) -> Select[Any]:
    values = values_named("ids", BigInteger(), by_sqlite=by_sqlite)
    return (
        select(items.c.id, items.c.fence, _halt())
        .where(items.c.id.in_(select(values.c.value)), _mine())
        .order_by(items.c.id)
        .with_for_update(of=items)
    )


async def move(  # noqa: PLR0913 - one UPDATE and its history, used everywhere
    connection: AsyncConnection,
    holder: str,
    held: Sequence[Held],
    event: Event,
    source: State,
    *,
    details: dict[int, str] | None = None,
    **values: Any,
) -> set[int]:
    """Compare-and-set: apply `event` to the items that `holder` holds in `source`.

    Returns the ids that moved; an item that is no longer held, or in another state, is not among
    them and unchanged. Raises KeyError for an event the lifecycle does not know in `source`.
    """
    if not held:
        return set()
    statement = _move(is_sqlite(connection), TRANSITIONS[source, event], tuple(values.items()))
    result = await connection.execute(statement, _holding(connection, holder, held, source))
    moved = result.all()
    await record(connection, moved, event, source, holder, details or {})
    return {row.id for row in moved}


@lru_cache(maxsize=64)
def _move(by_sqlite: bool, target: State, values: tuple[tuple[str, Any], ...]) -> Update:  # noqa: FBT001
    return (
        update(items)
        .where(_held(by_sqlite=by_sqlite))
        .values(state=target, sequence=items.c.sequence + 1, **dict(values))
        .returning(items.c.id, items.c.sequence, items.c.fence)
    )


_HISTORY = insert(history).values(at=now())


async def record(  # noqa: PLR0913 - the columns of one history row
    connection: AsyncConnection,
    moved: Iterable[Any],
    event: Event,
    source: State | None,
    owner: str | None,
    details: dict[int, str],
) -> None:
    """Append one history row for each item that moved."""
    alike = {"event": event, "source": source, "target": TRANSITIONS[source, event], "owner": owner}
    rows = [
        {
            "item": row.id,
            "sequence": row.sequence,
            "fence": row.fence,
            "detail": details.get(row.id),
        }
        | alike
        for row in moved
    ]
    await insert_many(connection, _HISTORY, rows)


async def assign(
    connection: AsyncConnection,
    column: str,
    values: dict[int, Any],
    after: ColumnElement[Any] | None = None,
) -> None:
    """Give one column of many items each its own value, or so much `after` a moment in SQL."""
    value: Any = bindparam("value") if after is None else after + bindparam("value")
    if values:
        await connection.execute(
            update(items).where(items.c.id == bindparam("item")).values({column: value}),
            [{"item": item, "value": value} for item, value in values.items()],
        )


async def insert_many(
    connection: AsyncConnection, statement: Any, rows: list[dict[str, Any]]
) -> None:
    """Run an INSERT for many rows, all with the same columns; nothing for none.

    The driver gets plain values: SQLAlchemy's own handling of them costs as much again as the
    database, and no type of the schema needs it. PostgreSQL gets them column by column in one
    statement: a message a row costs it three times as much.
    """
    if not rows:
        return
    sql, names, constant = compiled(statement, connection.dialect, tuple(rows[0]))
    pick = itemgetter(*names)
    values = [pick(constant | row) for row in rows] if constant else list(map(pick, rows))
    if is_sqlite(connection) or (whole := together(sql)) is None:
        await connection.exec_driver_sql(sql, values)
    else:
        await connection.exec_driver_sql(whole, tuple(map(list, zip(*values, strict=True))))


@lru_cache(maxsize=64)
def compiled(
    statement: Any, dialect: Dialect, columns: tuple[str, ...]
) -> tuple[str, Sequence[str], dict[str, Any]]:
    """The SQL, the names of its parameters in their order, and the values that are constant."""
    made = statement.compile(dialect=dialect, column_keys=columns)
    return str(made), made.positiontup, made.params


_PARAMETER = re.compile(r"\$(\d+)::([A-Z]+)")


@lru_cache(maxsize=64)
def together(sql: str) -> str | None:
    """The same INSERT with an array for each column; None if a conflict has parameters of its own."""
    head, _, tail = sql.partition(" VALUES (")
    row, conflict, then = tail.partition(") ON CONFLICT")
    if "$" in then:
        return None
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in _PARAMETER.findall(row))
    names = ", ".join(f"c{n}" for n, _ in _PARAMETER.findall(row))
    row = _PARAMETER.sub(r"c\1", row if conflict else row.removesuffix(")"))
    rest = f"ON CONFLICT{then}" if conflict else ""
    return f"{head} SELECT {row} FROM unnest({arrays}) AS new ({names}) {rest}"  # noqa: S608 - made of what SQLAlchemy has made
