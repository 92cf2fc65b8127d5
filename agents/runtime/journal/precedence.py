"""Precedence: which items of a tenant and priority take the places that a claim has found for them.

The ranks of the queue are places. A claim reads the first of them, and so each tenant and priority gets
as many items as it would get first in, first out. Which of its items these are is decided here: first
those that have waited for too long, the oldest first, then those of the lowest precedence. An item that
is taken from behind swaps its rank with one that stays, so the places that are left stay the same.

An item without a precedence gives its place to none, and takes none of another. `tests/ready_set.py`
has the same rule for items in memory.
"""

from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    BigInteger,
    Double,
    FromClause,
    Integer,
    Select,
    Text,
    bindparam,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.schema import PRECEDED, items
from agents.runtime.journal.statements import assign, is_sqlite, values_of
from agents.runtime.scheduling.batching import alike

# Of the oldest items of a tenant, as many times what is wanted are looked at, since some of them are of
# another priority, or delayed. An old item behind these is found when it is its turn.
LOOKED_AT = 4

Group = tuple[int, str, str]  # major, tenant, priority


class Place(NamedTuple):
    """A place in the queue and the item at it."""

    id: int
    major: int
    tenant: str
    priority: str
    precedence: float | None
    accepted_at: float
    expected: float | None
    rank: float

    @property
    def group(self) -> Group:
        """The items among which this one may be preferred."""
        return self.major, self.tenant, self.priority


class Turn(NamedTuple):
    """An item whose turn it is: it takes the rank of the item `place`, which gets its `rank`."""

    id: int
    tenant: str
    place: int
    rank: float


class Found(NamedTuple):
    """Ids of items of a group: the oldest ones, and those of the lowest precedence."""

    aged: Sequence[int] = ()
    preceding: Sequence[int] = ()


PLACE = Place._fields[1:]  # what is read of each place beside the id of its item


async def choose(  # noqa: PLR0913 - what decides, in one place
    connection: AsyncConnection,
    scenario: str,
    places: Sequence[Place],
    aged_before: float | None,
    work: float,
    *,
    more_wait: bool,
) -> list[Turn]:
    """Which items take these first places of a queue, or some of them: a batch of `work` seconds.

    Items that were accepted before `aged_before` go first. Those that follow are of like duration. The
    caller has locked the places; whatever else is chosen is locked here, and what another claim has
    locked is left to it. Nothing is changed.
    """
    groups = _grouped(places)
    oldest = -1.0 if aged_before is None else aged_before
    found = await _candidates(connection, scenario, groups, oldest) if more_wait else {}
    turns = {g: iter(_preferred(of, found.get(g, Found()), oldest)) for g, of in groups.items()}
    ids = [p.id if p.precedence is None else next(turns[p.group]) for p in places]
    known = {place.id: place for place in places}
    behind = await _read(connection, [item for item in ids if item not in known])
    items_there = [(known | behind)[item] for item in ids]
    batch = [items_there[n] for n in alike([one.expected for one in items_there], work)]
    return _turns(groups, batch)


def _grouped(places: Sequence[Place]) -> dict[Group, list[Place]]:
    """The places whose items may be preferred to each other."""
    groups: dict[Group, list[Place]] = {}
    for place in places:
        if place.precedence is not None:
            groups.setdefault(place.group, []).append(place)
    return groups


async def _read(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, Place]:
    if not ids:
        return {}
    columns = [items.c[name] for name in Place._fields]
    values = values_of(connection, ids)
    rows = await connection.execute(select(*columns).where(items.c.id.in_(select(values.c.value))))
    return {row.id: Place(*row) for row in rows}


def _turns(groups: dict[Group, list[Place]], batch: Sequence[Place]) -> list[Turn]:
    """The batch with the places that it takes: the first of each group, by those from behind too."""
    mine = {item.id for item in batch}
    free: dict[Group, list[int]] = {}
    stays = set[int]()
    for group, there in _grouped(batch).items():
        first = [place.id for place in groups[group][: len(there)]]
        stays |= mine.intersection(first)
        free[group] = [item for item in first if item not in mine]
    # The oldest of those that move behind get the first of the ranks that become free.
    moves = sorted((one for one in batch if one.id not in stays), key=lambda one: one.rank)
    moved = {one.id: free[one.group].pop(0) for one in moves if one.precedence is not None}
    return [Turn(one.id, one.tenant, moved.get(one.id, one.id), one.rank) for one in batch]


async def move_behind(connection: AsyncConnection, turns: Sequence[Turn]) -> None:
    """Give the items whose places were taken the ranks of those that took them."""
    moved = {turn.place: turn.rank for turn in turns if turn.place != turn.id}
    await assign(connection, "rank", moved)


def _preferred(places: Sequence[Place], found: Found, oldest: float) -> list[int]:
    """As many items of a group as it has places here, the first to go first."""
    by_age = sorted((p.accepted_at, p.id) for p in places if p.accepted_at < oldest)
    by_precedence = sorted((p.precedence, p.id) for p in places)
    order = (
        *found.aged,
        *(item for _, item in by_age),
        *found.preceding,
        *(item for _, item in by_precedence),
    )
    return list(dict.fromkeys(order))[: len(places)]


async def _candidates(
    connection: AsyncConnection, scenario: str, groups: dict[Group, list[Place]], oldest: float
) -> dict[Group, Found]:
    """Of each group the ids of its oldest items, and of those with the lowest precedence.

    A statement reads as many of each of its groups, since no limit of SQL differs from row to row. So
    groups that want a similar number share one, and at most twice as many as wanted are read.
    """
    lite, found = is_sqlite(connection), dict[Group, Found]()
    sizes = {group: 1 << (len(places) - 1).bit_length() for group, places in groups.items()}
    for size, same in groupby(sorted(groups, key=sizes.__getitem__), key=sizes.__getitem__):
        some = list(same)
        wanted = {"queue": scenario, "oldest": oldest, "most": size, "looked_at": size * LOOKED_AT}
        parameters = wanted | _groups_parameters(some, by_sqlite=lite)
        rows = await connection.execute(_candidates_query(by_sqlite=lite), parameters)
        for number, aged, preceding in rows:
            found[some[number]] = Found(_ids(aged), _ids(preceding))
    return found


def _ids(stored: str | list[int]) -> list[int]:
    return orjson.loads(stored) if isinstance(stored, str) else stored


@cache
def _candidates_query(*, by_sqlite: bool) -> Select[Any]:
    groups, (number, *group) = _groups(by_sqlite=by_sqlite)
    preceding = _of_group(items, group).order_by(items.c.precedence, items.c.id)
    old = _oldest_of_tenant(group[1]).correlate(groups)
    if by_sqlite:  # it filters what it has looked at
        looked_at = old.subquery()
        aged = _of_group(looked_at, group).order_by(looked_at.c.accepted_at, looked_at.c.id)
    else:  # it locks what it takes; with IN instead of an array it may read the whole group
        are_old = items.c.id == func.any(_array(old.with_only_columns(items.c.id)))
        aged = _of_group(items, group).where(are_old).order_by(items.c.accepted_at, items.c.id)
    lists = (_listed(query.correlate(groups), by_sqlite=by_sqlite) for query in (aged, preceding))
    return select(number, *lists).select_from(groups)


def _oldest_of_tenant(tenant: Any) -> Select[Any]:
    used = ("id", "scenario", "state", "retry_at", "crash_count", *PLACE)
    return (
        select(*(items.c[name] for name in used))
        .where(items.c.scenario == bindparam("queue"), items.c.state == literal_column("'pending'"))
        .where(items.c.tenant == tenant)
        .where(items.c.accepted_at < bindparam("oldest", type_=Double))
        .order_by(items.c.accepted_at, items.c.id)
        .limit(bindparam("looked_at"))
    )


def _of_group(source: FromClause, group: Sequence[Any]) -> Select[Any]:
    """SQL: the items of a group that may be preferred; they are locked, without those that are."""
    columns = (source.c.major, source.c.tenant, source.c.priority)
    return (
        select(source.c.id)
        .where(source.c.scenario == bindparam("queue"), text(PRECEDED))
        .where(*(column == value for column, value in zip(columns, group, strict=True)))
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )


def _listed(ids: Select[Any], *, by_sqlite: bool) -> Any:
    if not by_sqlite:
        return _array(ids)
    rows = ids.subquery()
    return select(func.json_group_array(rows.c.id)).scalar_subquery()


def _array(ids: Select[Any]) -> Any:
    return func.array(ids.scalar_subquery())


def _groups(*, by_sqlite: bool) -> tuple[FromClause, list[Any]]:
    """SQL: the groups as a table, and its columns: number, major, tenant and priority."""
    if by_sqlite:
        each = func.json_each(bindparam("groups")).table_valued("value")
        return each, [func.json_extract(each.c.value, f"$[{n}]") for n in range(4)]
    kinds: tuple[Any, ...] = (Integer(), Integer(), Text(), Text())
    arrays: Any = (bindparam(f"group_{n}", type_=ARRAY(kind)) for n, kind in enumerate(kinds))
    rows = func.unnest(*arrays).table_valued("number", "major", "tenant", "priority")
    each = rows.render_derived()
    return each, list(each.c)


def _groups_parameters(groups: Sequence[Group], *, by_sqlite: bool) -> dict[str, Any]:
    rows = [(number, *group) for number, group in enumerate(groups)]
    if by_sqlite:
        return {"groups": orjson.dumps(rows).decode()}
    return {f"group_{n}": list(column) for n, column in enumerate(zip(*rows, strict=True))}


def pairs_of(turns: Sequence[Turn], *, by_sqlite: bool) -> dict[str, Any]:
    """The parameters of `taken_places`."""
    pairs = [(turn.id, turn.place) for turn in turns]
    if by_sqlite:
        return {"pairs": orjson.dumps(pairs).decode()}
    taker, place = zip(*pairs, strict=True)
    return {"takers": list(taker), "places": list(place)}


def taken_places(*, by_sqlite: bool) -> FromClause:
    """SQL: the turns as a table: an item, `taker`, and the one whose rank it takes, `place`."""
    taker: Any
    place: Any
    if by_sqlite:
        each = func.json_each(bindparam("pairs")).table_valued("value")
        taker, place = (func.json_extract(each.c.value, f"$[{n}]") for n in range(2))
    else:
        arrays = (bindparam(name, type_=ARRAY(BigInteger)) for name in ("takers", "places"))
        each = func.unnest(*arrays).table_valued("taker", "place").render_derived()
        taker, place = each.c
    return select(taker.label("taker"), place.label("place")).select_from(each).subquery()
