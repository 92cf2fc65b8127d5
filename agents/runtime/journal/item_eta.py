"""When an item is done: the work ahead of it in its queue, by the pace of consumers, and then its own.

Both have an interval, and they are independent of each other. The front of the queue is read, and no
more: an item further back is done after at least what is said.
"""

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Row, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.eta import measured_items, ready, summed
from agents.runtime.journal.queries import ItemHistory
from agents.runtime.journal.scale import QueueScale, scales
from agents.runtime.journal.schema import items, queues
from agents.runtime.model.lifecycle import ENDED, State
from agents.runtime.scheduling.eta import Interval, Work, drain, left_of

MOST_AHEAD = 10_000  # items of the front of the queue
IN_WORK = 0.5  # of the work that consumers hold is done already, on average


@dataclass(frozen=True, slots=True)
class ItemEta:
    """When an item is done, in seconds from now, or `reason` for which nobody knows.

    `ahead` are the items before it in its queue. `at_least`: there may be more of them, or its own work
    has no forecast and is left out.
    """

    interval: Interval | None
    reason: str = ""
    ahead: int = 0
    at_least: bool = False

    def in_words(self) -> str:
        """As a person reads it."""
        if self.interval is None:
            return self.reason
        least = "at least " * self.at_least
        others = "other" if self.ahead == 1 else "others"
        after = f", after {self.ahead:,} {others}" if self.ahead else ""
        return f"in {least}{self.interval}{after}"


async def item_eta(database: Database, found: ItemHistory) -> ItemEta | None:
    """When the item is done; None if it has ended."""
    item = found.item
    if item.state in ENDED and not _is_dead(found):
        return None
    if reason := _stopped(found):
        return ItemEta(None, reason)
    known = await scales(database, item.scenario, [item.major])
    async with database.read() as connection:
        at = float(await connection.scalar(select(now())) or 0.0)
        if item.owner is not None:
            return _in_work(found, at)
        if not known:
            return ItemEta(None, "no consumer runs")
        measured = await measured_items(connection, item.scenario)
        return await _in_queue(connection, found, known[0], at, measured)


def _stopped(found: ItemHistory) -> str:
    """Why the item does not go on by itself to its outcome; empty if it does."""
    if found.item.waiting_since is not None or _is_dead(found):
        return "it waits for a person"
    others = {State.WAITING: "it waits for other items", State.COMPENSATING: "it is being undone"}
    return others.get(found.item.state, "")


def _is_dead(found: ItemHistory) -> bool:
    return found.letter is not None and found.letter.status == "open"


def _in_work(found: ItemHistory, at: float) -> ItemEta:
    own = _own(found.item)
    if own is None:
        return ItemEta(None, "it has no forecast")
    begun = max((row.at for row in (*found.history, *found.steps)), default=at)
    left = left_of(own, _done(found) + max(at - begun, 0.0))
    if not left.p90:
        return ItemEta(None, "it takes longer than nine of ten were expected to")
    return ItemEta(left)


async def _in_queue(
    connection: AsyncConnection, found: ItemHistory, scale: QueueScale, at: float, measured: float
) -> ItemEta:
    item, load = found.item, scale.load
    if scale.paused:
        return ItemEta(None, "its queue is paused")
    if not load.consumers:
        return ItemEta(None, "no consumer runs")
    work, at_least = await _ahead(connection, item, scale.mean)
    held = await _held(connection, item, scale.mean)
    waits = drain(work + held, load, measured) or Interval(0.0, 0.0)
    if item.retry_at is not None:
        delay = max(item.retry_at - at, 0.0)
        waits = Interval(max(waits.p50, delay), max(waits.p90, delay))
    own = _own(item)
    if own is None:
        return ItemEta(waits, "its own work has no forecast", work.items, at_least=True)
    return ItemEta(waits + left_of(own, _done(found)), "", work.items, at_least)


async def _ahead(connection: AsyncConnection, item: Row[Any], mean: float) -> tuple[Work, bool]:
    """The work that is served before the item, and whether there may be more of it."""
    front = ready(item.scenario, item.major).limit(MOST_AHEAD).subquery("front").c
    by_forecast = select(queues.c.shortest_first & queues.c.fifo.is_(None))
    ordered = await connection.scalar(by_forecast.where(queues.c.scenario == item.scenario))
    rank, own = item.rank, Work()
    others = tuple_(front.rank, front.id) < tuple_(rank, item.id)
    if ordered and item.precedence is not None:
        group = (front.tenant == item.tenant) & (front.priority == item.priority)
        group &= front.precedence.is_not(None)
        shorter = tuple_(front.precedence, front.id) < tuple_(item.precedence, item.id)
        own = await _sum(connection, front, mean, group & shorter)
        # The item takes the place of its group whose turn it then is; see scheduling/order.py.
        place = select(front.rank).where(group).order_by(front.rank, front.id)
        rank = await connection.scalar(place.offset(own.items).limit(1))
        others = ~group & (front.rank < rank) if rank is not None else ~group
    work = own + await _sum(connection, front, mean, others)
    whole = await connection.scalar(select(func.count()).select_from(front.id.table))
    last = await connection.scalar(select(func.max(front.rank)))
    return work, (whole or 0) >= MOST_AHEAD and (rank is None or rank > (last or 0.0))


async def _sum(connection: AsyncConnection, columns: Any, mean: float, which: Any) -> Work:
    row = (await connection.execute(summed(columns, mean).where(which))).one()
    return Work(row.items, row.seconds, row.variance)


async def _held(connection: AsyncConnection, item: Row[Any], mean: float) -> Work:
    """What is left of the work that consumers hold."""
    held = (
        select(items.c.expected, items.c.p50, items.c.p90)
        .where(items.c.owner.is_not(None), items.c.scenario == item.scenario)
        .where(items.c.major == item.major)
        .limit(MOST_AHEAD)
    )
    row = (await connection.execute(summed(held.subquery("held").c, mean))).one()
    return Work(0, row.seconds * IN_WORK, row.variance * IN_WORK**2)


def _own(item: Row[Any]) -> Interval | None:
    return None if item.p50 is None else Interval(item.p50, item.p90)


def _done(found: ItemHistory) -> float:
    """Seconds of the item's work that are done, by its forecast."""
    expected = orjson.loads(found.item.forecast or "{}")
    done = {row.agent for row in found.steps if row.status == "done"}
    return float(sum(numbers[0] for agent, numbers in expected.items() if agent in done))
