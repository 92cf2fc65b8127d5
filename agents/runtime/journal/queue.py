"""The queue of a scenario: its pending items in the order of their rank, and its backlog.

Each major version has a front of its own in the index: a process claims the versions that it has, and
items of others, however many, do not slow it.

There is no copy of it: a claim sets owner and fence of the items themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import Any

from sqlalchemy import (
    Double,
    Row,
    Select,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.clock import clock
from agents.runtime.errors import AgentError
from agents.runtime.journal.claims import CLAIMABLE, MOST_TOGETHER, deadline_here
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.fair_queueing import advance
from agents.runtime.journal.precedence import (
    PLACE,
    Place,
    Turn,
    choose,
    move_behind,
    pairs_of,
    taken_places,
)
from agents.runtime.journal.quick import fetch
from agents.runtime.journal.rate_limits import admit
from agents.runtime.journal.schema import (
    READY,
    SUSPECTED,
    dead_letters,
    item_columns,
    items,
    queues,
    rates,
)
from agents.runtime.journal.statements import insert_new, is_sqlite, record_latest
from agents.runtime.journal.waits import is_due, is_too_late
from agents.runtime.journal.workers import is_alive
from agents.runtime.model.lifecycle import Event, State

WINDOW = 60.0  # seconds over which rates are counted
PENDING: Any = literal_column("'pending'")  # SQLite uses the partial index for a literal only


@dataclass(frozen=True, slots=True)
class Queue:
    """The items of a scenario that wait for code of one of these major versions."""

    scenario: str
    majors: tuple[int, ...] = (1,)

    def parameters(self, **more: Any) -> dict[str, Any]:
        """The parameters of a statement that reads this queue."""
        fronts = {f"major_{number}": major for number, major in enumerate(self.majors)}
        return {"queue": self.scenario} | fronts | more


@dataclass(frozen=True, slots=True)
class QueueState:
    """What a claim must know of its queue: `due` means that delayed items are due now.

    With `by_forecast`, items of the lowest precedence go first, but before them those that were
    accepted before the time `aged_before`.
    """

    known: bool
    paused: bool
    rated: bool
    due: bool
    by_forecast: bool
    aged_before: float | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """At most `most` items; where forecasts order the queue, of like duration and `work` seconds."""

    most: int = MOST_TOGETHER
    work: float = inf


async def claim_first(
    database: Database,
    owner: str,
    queue: Queue,
    wanted: Wanted | int = MOST_TOGETHER,
    expected: int | None = None,
) -> list[Row[Any]]:
    """Claim the first items of the queue, unless it is paused or its rate limits are used.

    A caller that says how many items are `expected` to wait saves time where they are few: it looks
    first whether there are any, since half of its claims find none and would hold up who writes.
    This reads only the front of one index for each version, however long the queue is. Items whose
    owner crashed are not in the queue: `due_outside_queue` finds them.
    """
    scenario = queue.scenario
    wanted = Wanted(wanted) if isinstance(wanted, int) else wanted
    most = wanted.most if expected is None else min(expected, wanted.most)
    if most < wanted.most and not await _has_work(database, queue):
        return []
    async with database.write(most) as connection:
        state = await _queue_state(connection, scenario)
        if state.paused:
            return []
        if not state.known:
            new = insert_new(connection, queues, scenario=scenario, virtual=now(), at=now())
            await connection.execute(new)
        if state.due:
            for requeue in _requeue_due():
                await connection.execute(requeue, {"queue": scenario, "most": wanted.most})
        rows = await _claim(connection, owner, queue, wanted, state)
        if rows:
            claimed = [row.id for row in rows]
            await record_latest(connection, claimed, Event.CLAIM, State.PENDING, owner)
            await advance(connection, scenario, rows)
    return rows


class QueueFull(AgentError):
    """The queue holds as many items as its limit; items accepted before stay accepted."""

    def __init__(self, scenario: str, limit: int) -> None:
        super().__init__(scenario, limit)
        self.scenario, self.limit = scenario, limit

    def __str__(self) -> str:
        return (
            f"the queue of {self.scenario} holds {self.limit:,} items, which is its limit: "
            "send the source again later, items that were accepted are recognised"
        )


async def require_room(database: Database, scenario: str, limit: int) -> None:
    """Raise QueueFull if `limit` or more items wait."""
    if await count_waiting(database, scenario, limit) >= limit:
        raise QueueFull(scenario, limit)


async def count_waiting(database: Database, scenario: str, most: int) -> int:
    """How many items wait in the queue, counted to `most`."""
    waiting = select(items.c.id).where(items.c.scenario == scenario, text(READY)).limit(most)
    async with database.read() as connection:
        count = await connection.scalar(select(func.count()).select_from(waiting.subquery()))
    return int(count or 0)


async def served_per_second(database: Database, scenario: str, window: float = WINDOW) -> float:
    """Items of the queue that ended a second, over the last `window` seconds."""
    ended = select(func.count()).where(items.c.scenario == scenario)
    async with database.read() as connection:
        count = await connection.scalar(ended.where(items.c.ended_at > _now_once() - window))
    return int(count or 0) / window


async def due_outside_queue(
    database: Database, queue: Queue, most: int = MOST_TOGETHER
) -> list[int]:
    """Ids of items that are due but not in the queue: of crashed owners, compensating, suspected."""
    ours = (items.c.scenario == queue.scenario) & items.c.major.in_(queue.majors)
    due = is_due() & items.c.waiting_since.is_(None)
    dead_lettered = exists().where(
        dead_letters.c.item == items.c.id, dead_letters.c.status == "open"
    )
    of_crashed = items.c.owner.is_not(None) & ~is_alive(items.c.owner)
    held = ours & items.c.state.in_(CLAIMABLE) & of_crashed
    undone = ours & (items.c.state == State.COMPENSATING)
    suspected = ours & text(SUSPECTED)
    found: list[int] = []
    async with database.read() as connection:
        for kind in (held, undone & items.c.owner.is_(None) & ~dead_lettered, suspected):
            query = select(items.c.id).where(kind, due).order_by(items.c.crash_count, items.c.id)
            found += await connection.scalars(query.limit(most))
    return found


async def _claim(
    connection: AsyncConnection, owner: str, queue: Queue, wanted: Wanted, state: QueueState
) -> list[Row[Any]]:
    holder = {"holder": owner, "monotonic": clock().monotonic()}
    first, versions = queue.parameters(most=wanted.most), len(queue.majors)
    if not (state.rated or state.by_forecast):
        found = await fetch(connection, _claim_first_statement(versions), first | holder)
        return sorted(found, key=lambda row: (row.rank, row.id))
    turns = await _turns(connection, queue, wanted, state)
    if not turns:
        return []
    lite = is_sqlite(connection)
    pairs = pairs_of(turns, by_sqlite=lite)
    claimed = await connection.execute(_claim_turns_statement(by_sqlite=lite), pairs | holder)
    await move_behind(connection, turns)
    order = {turn.id: number for number, turn in enumerate(turns)}
    return sorted(claimed.all(), key=lambda row: order[row.id])


async def _turns(
    connection: AsyncConnection, queue: Queue, wanted: Wanted, state: QueueState
) -> list[Turn]:
    """The items to claim, in their order: by precedence, within the rate limits."""
    first = queue.parameters(most=wanted.most)
    statement = _first_ready(len(queue.majors), *PLACE, in_place=state.by_forecast)
    places = [Place(*row) for row in await connection.execute(statement, first)]
    turns = [Turn(place.id, place.tenant, place.id, place.rank) for place in places]
    if state.by_forecast:
        more_wait, before = len(places) == wanted.most, state.aged_before
        turns = await choose(
            connection, queue.scenario, places, before, wanted.work, more_wait=more_wait
        )
    if not state.rated:
        return turns
    admitted = set(await admit(connection, queue.scenario, turns))
    return [turn for turn in turns if turn.id in admitted]


async def _has_work(database: Database, queue: Queue) -> bool:
    async with database.read(rows=1) as connection:
        (row,) = await fetch(connection, _work_query(len(queue.majors)), queue.parameters())
    return bool(row.work)


@cache
def _work_query(versions: int) -> Any:
    ready = [
        exists().where(_in_queue(), items.c.major == bindparam(f"major_{n}"), text(READY))
        for n in range(versions)
    ]
    return select(or_(*ready, *_due()).label("work"))


async def _queue_state(connection: AsyncConnection, scenario: str) -> QueueState:
    (row,) = await fetch(connection, _queue_state_query(), {"queue": scenario})
    return QueueState(*row)


@cache
def _queue_state_query() -> Any:
    queue = queues.c.scenario == bindparam("queue")
    return select(
        exists().where(queue).label("known"),
        exists().where(queue, queues.c.paused.is_not(None)).label("paused"),
        exists().where(rates.c.scenario == bindparam("queue")).label("rated"),
        or_(*_due()).label("due"),
        exists()
        .where(queue, queues.c.shortest_first, queues.c.fifo.is_(None))
        .label("by_forecast"),
        select(now() - queues.c.age_limit).where(queue).scalar_subquery().label("aged_before"),
    )


def _due() -> tuple[Any, Any]:
    """SQL: whether delayed items are due now; two look-ups in an index, which cannot serve both in one."""
    delayed = exists().where(_in_queue(), items.c.state == PENDING)
    return (
        delayed.where(items.c.retry_at <= _now_once()),
        delayed.where(is_too_late(_now_once())),
    )


def _now_once() -> Any:
    """SQL: the clock, read once. PostgreSQL would read it for every item otherwise, without an index."""
    return select(now()).scalar_subquery()


def _in_queue() -> Any:
    return items.c.scenario == bindparam("queue")


@cache
def _first_ready(versions: int, *more: str, in_place: bool = False) -> Any:
    """SQL: lock the first ready items; those that another transaction has locked are skipped.

    The front of each version's queue is read by itself, since no index has them in one order. Of each
    item there are the id and `more` columns. With `in_place`, items that another claim is moving
    behind are skipped too.
    """
    fronts = [_first_of_version(f"major_{n}", more, in_place=in_place) for n in range(versions)]
    if versions == 1:
        return fronts[0]
    first = union_all(*(select(front.subquery()) for front in fronts)).subquery()
    return (
        select(first.c.id, *(first.c[name] for name in more))
        .order_by(first.c.rank, first.c.id)
        .limit(bindparam("most"))
    )


def _first_of_version(major: str, more: Sequence[str], *, in_place: bool) -> Select[Any]:
    more = (*more, *({"rank"} - {*more}))  # several fronts are merged by it
    first = (
        select(items.c.id, *(items.c[name] for name in more))
        .where(_in_queue(), items.c.major == bindparam(major), text(READY))
        .order_by(items.c.rank, items.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )
    if not in_place:
        return first
    # PostgreSQL checks an item that was changed before it was locked again, in its new version, but
    # reads in sub-selects what was there before. So it is skipped if its rank has become a later one.
    before = items.alias("before")
    rank = select(before.c.rank).where(before.c.id == items.c.id).scalar_subquery()
    return first.where(items.c.rank <= rank)


@cache
def _claim_update() -> Any:
    return (
        update(items)
        .values(
            state=State.PROCESSING,
            owner=bindparam("holder"),
            fence=items.c.fence + 1,
            sequence=items.c.sequence + 1,
        )
        .returning(*item_columns, deadline_here(bindparam("monotonic", type_=Double)))
    )


@cache
def _claim_first_statement(versions: int) -> Any:
    # PostgreSQL runs a locking CTE once, but might run a sub-select again and claim too many items.
    first = _first_ready(versions).cte("first")
    return _claim_update().where(items.c.id.in_(select(first.c.id)))


@cache
def _claim_turns_statement(*, by_sqlite: bool) -> Any:
    turns, other = taken_places(by_sqlite=by_sqlite), items.alias("other")
    mine = (items.c.id == turns.c.taker) & (other.c.id == turns.c.place)
    return _claim_update().where(mine).values(rank=other.c.rank)


@cache
def _requeue_due() -> tuple[Any, Any]:
    """SQL: delayed items that are due take their old place in the queue; one statement an index look-up."""
    return _requeue(items.c.retry_at <= _now_once()), _requeue(is_too_late(_now_once()))


def _requeue(condition: Any) -> Any:
    due = (
        select(items.c.id)
        .where(_in_queue(), items.c.state == PENDING, condition)
        .order_by(items.c.retry_at)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    return update(items).where(items.c.id.in_(select(due.c.id))).values(retry_at=None)


@dataclass(frozen=True, slots=True)
class Backlog:
    """The items of one tenant and priority that wait.

    `delayed` of them are due later; `oldest` is the age of the oldest in seconds. `arriving` and
    `served` are items a second over the last minute. `work` are the seconds of work that `forecasts`
    of the items are expected to be.
    """

    scenario: str
    tenant: str
    priority: str
    waiting: int
    delayed: int
    oldest: float
    arriving: float
    served: float
    work: float
    forecasts: int


async def backlog(
    database: Database,
    scenario: str,
    window: float = WINDOW,
    majors: Sequence[int] | None = None,
) -> list[Backlog]:
    """The backlog of a queue: one entry for each tenant and priority with items in `window` seconds.

    With `majors`, only items of these versions.
    """
    theirs = items.c.scenario == scenario
    if majors is not None:
        theirs &= items.c.major.in_(majors)
    late = items.c.retry_at > now()
    waiting = _grouped(
        func.count().label("waiting"),
        func.count().filter(late).label("delayed"),
        (now() - func.min(items.c.accepted_at)).label("oldest"),
        func.coalesce(func.sum(items.c.expected), 0.0).label("work"),
        func.count(items.c.expected).label("forecasts"),
    ).where(theirs, items.c.state == PENDING)
    counted = _grouped(func.count().label("number")).where(theirs)
    async with database.read() as connection:
        rows = (await connection.execute(waiting)).all()
        arrived, served = [
            (await connection.execute(counted.where(moment > now() - window))).all()
            for moment in (items.c.accepted_at, items.c.ended_at)
        ]
    return _joined(scenario, window, rows, _counts(arrived), _counts(served))


def _grouped(*columns: Any) -> Select[Any]:
    group = (items.c.tenant, items.c.priority)
    return select(*group, *columns).group_by(*group)


def _counts(rows: Sequence[Row[Any]]) -> dict[tuple[str, str], int]:
    return {(row.tenant, row.priority): row.number for row in rows}


def _joined(
    scenario: str,
    window: float,
    rows: Sequence[Row[Any]],
    arrived: dict[tuple[str, str], int],
    served: dict[tuple[str, str], int],
) -> list[Backlog]:
    waits = {(row.tenant, row.priority): row for row in rows}
    found = []
    for group in sorted(waits.keys() | arrived.keys() | served.keys()):
        tenant, priority = group
        arriving, done = arrived.get(group, 0) / window, served.get(group, 0) / window
        row = waits.get(group)
        waiting, delayed, oldest = (row.waiting, row.delayed, row.oldest) if row else (0, 0, 0.0)
        work, forecasts = (row.work, row.forecasts) if row else (0.0, 0)
        counts = (waiting, delayed, oldest, arriving, done, work, forecasts)
        found.append(Backlog(scenario, tenant, priority, *counts))
    return found
