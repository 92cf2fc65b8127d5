"""What the queues of an installation say of themselves, as metrics."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from sqlalchemy import func, select, text

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.eta import QueueEta, queue_eta
from agents.runtime.journal.queue import Backlog, backlog
from agents.runtime.journal.rollouts import latest_of
from agents.runtime.journal.schema import dead_letters, items, queues
from agents.runtime.journal.version_use import unfinished_by_version
from agents.runtime.metrics import (
    ARRIVING,
    ASKING_OLDEST,
    BY_FORECAST,
    CONCORDANCE,
    DELAYED,
    DRAIN,
    DRAIN_TARGET,
    LETTERS,
    LETTERS_OLDEST,
    MOST_TENANTS,
    OLDEST,
    OTHERS,
    PAUSED,
    SERVED,
    UNFINISHED,
    VERSION_DRAINED,
    VERSION_ITEMS,
    VERSION_WORKERS,
    WAITING,
    WANTED,
    JournalGauge,
)
from agents.runtime.model.lifecycle import ENDED, State

MOST_QUEUES = 50
COUNTED = (*(state for state in State if state not in ENDED), State.DEAD_LETTERED)


@dataclass(slots=True)
class Readings:
    """Values of gauges by their labels, until all are shown at once."""

    values: defaultdict[JournalGauge, dict[tuple[str, ...], float]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def set(self, gauge: JournalGauge, value: float, *labels: str) -> None:
        """Note the value of a gauge."""
        self.values[gauge][labels] = float(value)

    def show(self, gauges: Iterable[JournalGauge], until: float) -> None:
        """Export these gauges, also those without a value now."""
        for gauge in gauges:
            gauge.show(self.values[gauge], until)


GAUGES = (
    *(ARRIVING, ASKING_OLDEST, BY_FORECAST, CONCORDANCE, DELAYED, DRAIN, DRAIN_TARGET, LETTERS),
    *(LETTERS_OLDEST, OLDEST, PAUSED, SERVED, UNFINISHED, VERSION_DRAINED, VERSION_ITEMS),
    *(VERSION_WORKERS, WAITING, WANTED),
)


async def show_queues(database: Database, until: float) -> None:
    """Export all queues of the journal until this time of the monotonic clock."""
    readings = Readings()
    for queue in await queue_names(database):
        await _read_items(database, queue, readings)
        _note_backlog(queue, await backlog(database, queue), readings)
        _note_eta(queue, await queue_eta(database, queue), readings)
        await _read_versions(database, queue, readings)
    await _read_letters(database, readings)
    await _read_order(database, readings)
    readings.show(GAUGES, until)


async def queue_names(database: Database) -> Sequence[str]:
    """The queues that have items or consumers, or had some; a bounded number of look-ups in an index."""
    found = set[str]()
    async with database.read() as connection:
        found |= set(await connection.scalars(text("SELECT queue FROM agent_flows_scale")))
        found |= set(await connection.scalars(select(queues.c.scenario)))
        last = ""
        while len(found) < MOST_QUEUES:
            following = select(func.min(items.c.scenario)).where(items.c.scenario > last)
            if (last := await connection.scalar(following) or "") == "":
                break
            found.add(last)
    return sorted(found)[:MOST_QUEUES]


async def _read_items(database: Database, queue: str, readings: Readings) -> None:
    theirs = items.c.scenario == queue
    counted = (
        select(items.c.state, func.count().label("number"))
        .where(theirs, items.c.state.in_(COUNTED))
        .group_by(items.c.state)
    )
    asking = select(now() - func.min(items.c.waiting_since)).where(
        theirs, items.c.waiting_since.is_not(None)
    )
    async with database.read() as connection:
        numbers = {row.state: row.number for row in await connection.execute(counted)}
        oldest = await connection.scalar(asking)
    for state in COUNTED:
        readings.set(UNFINISHED, numbers.get(state, 0), queue, state)
    readings.set(ASKING_OLDEST, oldest or 0.0, queue)


def _note_backlog(queue: str, entries: Sequence[Backlog], readings: Readings) -> None:
    """By tenant and priority; the tenants with the fewest items are one."""
    sizes: defaultdict[str, int] = defaultdict(int)
    for entry in entries:
        sizes[entry.tenant] += entry.waiting
    named = sorted(sizes, key=lambda tenant: (-sizes[tenant], tenant))[:MOST_TENANTS]
    groups: defaultdict[tuple[str, str], list[Backlog]] = defaultdict(list)
    for entry in entries:
        tenant = entry.tenant if entry.tenant in named else OTHERS
        groups[tenant, entry.priority].append(entry)
    for labels, group in groups.items():
        due = [entry.oldest for entry in group if entry.waiting > entry.delayed]
        readings.set(WAITING, sum(entry.waiting for entry in group), queue, *labels)
        readings.set(DELAYED, sum(entry.delayed for entry in group), queue, *labels)
        readings.set(OLDEST, max(due, default=0.0), queue, *labels)
        readings.set(ARRIVING, sum(entry.arriving for entry in group), queue, *labels)
        readings.set(SERVED, sum(entry.served for entry in group), queue, *labels)


def _note_eta(queue: str, eta: QueueEta, readings: Readings) -> None:
    seconds = 0.0 if not eta.work.seconds else inf if eta.interval is None else eta.interval.p50
    readings.set(DRAIN, seconds, queue)
    readings.set(PAUSED, eta.paused, queue)
    targets = [one.bounds.target for one in eta.versions]
    if targets:
        readings.set(DRAIN_TARGET, max(targets), queue)
    for one in eta.versions:
        readings.set(WANTED, one.wanted, queue, str(one.version))


async def _read_versions(database: Database, queue: str, readings: Readings) -> None:
    rollout = await latest_of(database, queue)
    known = set[int]() if rollout is None else {rollout.standard}
    for major, use in (await unfinished_by_version(database, queue, known)).items():
        labels = queue, str(major)
        readings.set(VERSION_ITEMS, use.queued + use.begun + use.dead_letters, *labels)
        readings.set(VERSION_WORKERS, use.workers, *labels)
        if rollout is not None and rollout.replaced == major and use.is_drained and use.workers:
            readings.set(VERSION_DRAINED, 1, *labels)


async def _read_letters(database: Database, readings: Readings) -> None:
    counted = (
        select(
            items.c.scenario,
            func.count().label("number"),
            (now() - func.min(dead_letters.c.at)).label("oldest"),
        )
        .join(items, items.c.id == dead_letters.c.item)
        .where(dead_letters.c.status == "open")
        .group_by(items.c.scenario)
    )
    async with database.read() as connection:
        rows = (await connection.execute(counted)).all()
    for row in rows:
        readings.set(LETTERS, row.number, row.scenario)
        readings.set(LETTERS_OLDEST, row.oldest, row.scenario)
    for (queue, _state), _number in _items_of(readings):
        readings.values[LETTERS].setdefault((queue,), 0.0)
        readings.values[LETTERS_OLDEST].setdefault((queue,), 0.0)


def _items_of(readings: Readings) -> Iterable[tuple[tuple[str, ...], float]]:
    found: Mapping[tuple[str, ...], float] = readings.values[UNFINISHED]
    return tuple(found.items())


async def _read_order(database: Database, readings: Readings) -> None:
    columns = (queues.c.scenario, queues.c.shortest_first, queues.c.fifo, queues.c.concordance)
    async with database.read() as connection:
        for row in await connection.execute(select(*columns)):
            ordered = row.shortest_first and row.fifo is None
            readings.set(BY_FORECAST, ordered, row.scenario)
            if row.concordance is not None:
                readings.set(CONCORDANCE, row.concordance, row.scenario)
