"""Lists of items: each filter has an index that serves it together with its order.

A page is read in two steps. The first reads positions along one index, the second the rows of the page.
What no index serves, such as a text within an error, is checked on at most SCANNED positions a page; the
page then has fewer rows, and the next one goes on where it stopped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal import Journal
from agents.runtime.journal.database import now
from agents.runtime.journal.schema import RETRYING, UNDONE, dead_letters, items, steps
from agents.runtime.journal.statements import values_of
from agents.runtime.model.lifecycle import State

SCANNED = 1_000  # positions that a page with a filter without an index reads at most
AT_ONCE = 200  # of them in one statement
MOST_ROWS = 500  # of a page
LAST_CHARACTER = "\U0010ffff"

Position = tuple[float | str | int, ...]
"""Where a page ends: the values of its order's columns."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which items a list shows; None shows all.

    Args:
        state: Items in this state.
        outcome: Items that ended with this outcome.
        agent: Items with a step of this agent that has not succeeded.
        waiting: Items that wait for a retry, or for a person.
        version: Items of this version of the scenario.
        older_than: Least age of the items, in seconds since their acceptance.
        younger_than: Greatest age of the items, in seconds since their acceptance.
        key_prefix: Items whose key begins with this text.
        customer: Items of the customer with this id.
        error: Items with an error that contains this text, in any case.

    """

    state: State | None = None
    outcome: str | None = None
    agent: str | None = None
    waiting: Literal["retry", "person"] | None = None
    version: str | None = None
    older_than: float | None = None
    younger_than: float | None = None
    key_prefix: str | None = None
    customer: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a list in its order, and where the next page begins; None after the last row."""

    rows: Sequence[Row[Any]]
    next: Position | None


@dataclass(frozen=True, slots=True)
class Order:
    """The columns along which a list is read."""

    columns: tuple[ColumnElement[Any], ...]
    descending: bool = False

    def after(self, position: Position) -> ColumnElement[bool]:
        """SQL: the row comes after this position."""
        mine, end = tuple_(*self.columns), tuple_(*map(literal, position))
        found: ColumnElement[bool] = mine < end if self.descending else mine > end
        return found

    def apply(self, query: Select[Any], columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
        """The query in this order of the columns."""
        return query.order_by(*(c.desc() if self.descending else c.asc() for c in columns))


NEWEST_FIRST = Order((items.c.accepted_at, items.c.id), descending=True)
BY_KEY = Order((items.c.key,))
LONGEST_WAIT_FIRST = Order((items.c.waiting_since, items.c.id))
NEXT_DUE_FIRST = Order((items.c.retry_at, items.c.id))
OF_CUSTOMER = Order((items.c.id,), descending=True)
OF_AGENT = Order((steps.c.item,), descending=True)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a filter is served: ranges of one index, read in one order."""

    order: Order
    ranges: Sequence[ColumnElement[bool]]
    served: frozenset[str]  # the fields of the filter that the ranges select by


async def page(
    journal: Journal,
    scenario: str,
    wanted: Filter,
    after: Position | None = None,
    most: int = 50,
) -> Page:
    """Up to `most` items of the journal's tenant that the filter selects.

    Items are listed the newest first; those of a key's prefix by key, those that wait for a person the
    longest first, those that wait for a retry the next first. A page may have fewer rows and a `next`.
    """
    most = min(most, MOST_ROWS)
    plan = plan_of(journal.tenant, scenario, wanted)
    rest = _rest(journal.tenant, scenario, wanted, plan)
    async with journal.database.read() as connection:
        found = await _scan(connection, plan, rest, after, most)
        rows = await _rows(connection, [row.id for row in found.hits[:most]])
    if len(found.hits) > most:
        return Page(rows, _position(plan, found.hits[most - 1]))
    return Page(rows, None if found.last is None else _position(plan, found.last))


@dataclass(slots=True)
class _Scan:
    """Positions that the filter selects, and the last one that was read; None at the end of the list."""

    hits: list[Row[Any]]
    last: Row[Any] | None


async def _scan(
    connection: AsyncConnection,
    plan: Plan,
    rest: ColumnElement[bool] | None,
    after: Position | None,
    most: int,
) -> _Scan:
    """Read positions until there are `most` and one more, SCANNED were read, or the list ends."""
    limit = most + 1 if rest is None else min(max(most + 1, AT_ONCE), SCANNED)
    scan, read = _Scan([], None), 0
    while len(scan.hits) <= most and read < SCANNED:
        query = _positions(plan, rest, after, limit)
        found: Sequence[Any] = (await connection.execute(query)).all()
        scan.hits += [row for row in found if row.hit]
        if len(found) < limit:
            scan.last = None
            break
        read, scan.last = read + limit, found[-1]
        after = _position(plan, found[-1])
    return scan


def plan_of(tenant: str, scenario: str, wanted: Filter) -> Plan:
    """The index that serves the most selective part of the filter, with its ranges."""
    mine, age = and_(items.c.scenario == scenario, items.c.tenant == tenant), _age(wanted)
    if wanted.customer is not None:
        this = and_(items.c.tenant == tenant, items.c.customer == wanted.customer)
        plan = Plan(OF_CUSTOMER, [this], frozenset({"customer"}))
    elif (prefix := wanted.key_prefix) is not None:
        plan = Plan(BY_KEY, [and_(mine, begins(prefix))], frozenset({"key_prefix"}))
    elif wanted.waiting == "person":
        this = and_(mine, items.c.waiting_since.is_not(None))
        plan = Plan(LONGEST_WAIT_FIRST, [this], frozenset({"waiting"}))
    elif wanted.waiting == "retry":
        plan = Plan(NEXT_DUE_FIRST, [and_(mine, text(RETRYING))], frozenset({"waiting"}))
    elif wanted.agent is not None:
        this = and_(steps.c.agent == wanted.agent, text(UNDONE))
        plan = Plan(OF_AGENT, [this], frozenset({"agent"}))
    elif wanted.outcome is not None:
        this = and_(mine, items.c.outcome == wanted.outcome, age)
        plan = Plan(NEWEST_FIRST, [this], _AGE | {"outcome"})
    else:
        ranges = [and_(mine, items.c.state == state, age) for state in _states(wanted)]
        plan = Plan(NEWEST_FIRST, ranges, _AGE | {"state"})
    return plan


_AGE = frozenset({"older_than", "younger_than"})


def _states(wanted: Filter) -> list[State]:
    if wanted.state is not None:
        return [wanted.state]
    # Errors of items that are completed are over.
    return [state for state in State if wanted.error is None or state is not State.COMPLETED]


def _age(wanted: Filter) -> ColumnElement[bool]:
    at = items.c.accepted_at
    conditions: list[ColumnElement[bool]] = [true()]
    clock = select(now()).scalar_subquery()  # read once
    if wanted.older_than is not None:
        conditions.append(at <= clock - wanted.older_than)
    if wanted.younger_than is not None:
        conditions.append(at >= clock - wanted.younger_than)
    return and_(*conditions)


def _rest(tenant: str, scenario: str, wanted: Filter, plan: Plan) -> ColumnElement[bool] | None:
    """SQL: what the plan's index does not serve of the filter; None if it serves all."""
    rest: dict[str, ColumnElement[bool]] = {}
    if wanted.state is not None:
        rest["state"] = items.c.state == wanted.state
    if wanted.outcome is not None:
        rest["outcome"] = items.c.outcome == wanted.outcome
    if wanted.version is not None:
        rest["version"] = items.c.version == wanted.version
    if wanted.key_prefix is not None:
        rest["key_prefix"] = begins(wanted.key_prefix)
    if wanted.waiting is not None:
        person = items.c.waiting_since.is_not(None)
        rest["waiting"] = person if wanted.waiting == "person" else and_(text(RETRYING))
    if wanted.agent is not None:
        at_agent = select(steps.c.item).where(steps.c.item == items.c.id, text(UNDONE))
        rest["agent"] = at_agent.where(steps.c.agent == wanted.agent).exists()
    if wanted.error is not None:
        rest["error"] = _has_error(wanted.error)
    if not plan.served >= _AGE and (wanted.older_than, wanted.younger_than) != (None, None):
        rest["age"] = _age(wanted)
    if plan.order is OF_AGENT or plan.order is OF_CUSTOMER:  # their indexes are of all scenarios
        rest["mine"] = and_(items.c.scenario == scenario, items.c.tenant == tenant)
    left = [condition for name, condition in rest.items() if name not in plan.served]
    return and_(*left) if left else None


def begins(prefix: str) -> ColumnElement[bool]:
    """SQL: the key begins with the prefix; an index serves it."""
    return items.c.key.between(prefix, prefix + LAST_CHARACTER)


def _has_error(words: str) -> ColumnElement[bool]:
    letter = select(dead_letters.c.item).where(
        dead_letters.c.item == items.c.id,
        or_(
            dead_letters.c.error.icontains(words, autoescape=True),
            dead_letters.c.error_type.icontains(words, autoescape=True),
        ),
    )
    step = select(steps.c.item).where(
        steps.c.item == items.c.id, steps.c.error.icontains(words, autoescape=True)
    )
    return or_(items.c.failure.icontains(words, autoescape=True), step.exists(), letter.exists())


def _positions(
    plan: Plan, rest: ColumnElement[bool] | None, after: Position | None, limit: int
) -> Select[Any]:
    """SQL: the next positions along the plan's index, each with whether it is a `hit`."""
    names = [f"p{number}" for number in range(len(plan.order.columns))]
    labelled = [column.label(name) for column, name in zip(plan.order.columns, names, strict=True)]
    key = steps.c.item if plan.order is OF_AGENT else items.c.id
    parts = []
    for condition in plan.ranges:
        part = select(*labelled, key.label("id")).where(condition)
        if after is not None:
            part = part.where(plan.order.after(after))
        parts.append(plan.order.apply(part, plan.order.columns).limit(limit))
    if len(parts) == 1:
        found = parts[0].subquery("found")
    else:
        wrapped = [select(part.subquery()) for part in parts]  # SQLite limits a part only so
        merged = union_all(*wrapped).subquery("merged")
        columns = [merged.c[name] for name in names]
        found = plan.order.apply(select(merged), columns).limit(limit).subquery("found")
    columns = [found.c[name] for name in names]
    if rest is None:
        query = select(found, literal_column("1").label("hit"))
    else:
        hit = func.coalesce(rest, False).label("hit")
        query = select(found, hit).join(items, items.c.id == found.c.id)
    return plan.order.apply(query, columns)


def _position(plan: Plan, row: Row[Any]) -> Position:
    return tuple(row[: len(plan.order.columns)])


async def _rows(connection: AsyncConnection, ids: list[int]) -> Sequence[Row[Any]]:
    """The rows of the page in its order."""
    if not ids:
        return []
    values = values_of(connection, ids)
    letter = and_(dead_letters.c.item == items.c.id, dead_letters.c.status == "open")
    query = (
        select(
            *(items.c[name] for name in _SHOWN),
            dead_letters.c.at.label("dead_at"),
            dead_letters.c.agent.label("dead_agent"),
            dead_letters.c.error_type,
            dead_letters.c.error,
        )
        .outerjoin(dead_letters, letter)
        .where(items.c.id.in_(select(values.c.value)))
    )
    found: Sequence[Any] = (await connection.execute(query)).all()
    by_id = {row.id: row for row in found}
    return [by_id[key] for key in dict.fromkeys(ids) if key in by_id]


_SHOWN = (
    *("id", "key", "state", "outcome", "version", "priority", "sequence", "customer", "owner"),
    *("accepted_at", "ended_at", "retry_at", "waiting_since", "cancel_requested", "failure"),
)
