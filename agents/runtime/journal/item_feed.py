"""What happens to items, in order, for those who follow along: to one item, or to all of a tenant's.

One item is followed by the sequence of its history, which has no gaps. All items of a scenario are followed
by the times that indexes are in order of: accepted, waiting for a person, ended. A transaction may commit
after others with later times, so the last LATE seconds are read again from time to time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, func, literal, select, tuple_

from agents.runtime.journal import Journal
from agents.runtime.journal.database import now
from agents.runtime.journal.schema import history, items, steps

LATE = 40.0  # seconds; longer than a transaction may take
READ_AGAIN = 10  # reads between two looks at what came late
MOST = 500  # rows of one read


@dataclass(frozen=True, slots=True)
class ItemNow:
    """Where an item stands; `steps` differs once one of its steps has changed."""

    id: int
    sequence: int
    state: str
    outcome: str | None
    steps: tuple[int, float]


async def stand_of(journal: Journal, scenario: str, key: str) -> ItemNow | None:
    """Where the item of the journal's tenant stands now; None if there is none."""
    mine = steps.c.item == items.c.id
    count = select(func.count()).where(mine).scalar_subquery().label("count")
    last = select(func.sum(steps.c.at)).where(mine).scalar_subquery().label("last")
    query = select(items.c.id, items.c.sequence, items.c.state, items.c.outcome, count, last).where(
        items.c.tenant == journal.tenant, items.c.scenario == scenario, items.c.key == key
    )
    async with journal.database.read() as connection:
        row = (await connection.execute(query)).first()
    if row is None:
        return None
    number, sequence, state, outcome, known, at = row
    return ItemNow(number, sequence, state, outcome, (known, at or 0.0))


async def events_after(journal: Journal, item: int, sequence: int) -> Sequence[Row[Any]]:
    """Up to MOST events of the item after this one, each with `before`: the time of the one before it."""
    earlier = history.alias("earlier")
    before = (
        select(earlier.c.at)
        .where(earlier.c.item == history.c.item, earlier.c.sequence == history.c.sequence - 1)
        .scalar_subquery()
        .label("before")
    )
    query = (
        select(history, before)
        .where(history.c.item == item, history.c.sequence > sequence)
        .order_by(history.c.sequence)
        .limit(MOST)
    )
    async with journal.database.read() as connection:
        return (await connection.execute(query)).all()


async def steps_of(journal: Journal, item: int) -> Sequence[Row[Any]]:
    """The item's steps in the order of their ends."""
    query = select(steps).where(steps.c.item == item).order_by(steps.c.at).limit(MOST)
    async with journal.database.read() as connection:
        return (await connection.execute(query)).all()


KINDS = {
    "accepted": items.c.accepted_at,
    "waiting": items.c.waiting_since,
    "ended": items.c.ended_at,
}
"""What an item of a feed does, and the column that says when."""


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An item was accepted, waits for a person, or has ended; `at` is seconds since 1970."""

    kind: str
    at: float
    item: int
    key: str
    sequence: int
    state: str
    outcome: str | None


@dataclass(slots=True)
class Feed:
    """The events of a tenant's items of one scenario, from the time `since` on; each is given once."""

    journal: Journal
    scenario: str
    since: float
    _places: dict[str, tuple[float, int]] = field(init=False)
    _read_to: dict[str, float] = field(init=False)
    _given: set[tuple[str, int, float]] = field(default_factory=set)
    _reads: int = 0

    def __post_init__(self) -> None:
        self._places = dict.fromkeys(KINDS, (self.since, 0))
        self._read_to = dict.fromkeys(KINDS, self.since)

    @property
    def place(self) -> float:
        """The time from which another feed misses nothing that this one has not given."""
        return max(min(self._read_to.values()) - LATE, 0.0)

    async def read(self) -> list[FeedEvent]:
        """What has happened since the last read, in the order of the times."""
        self._reads += 1
        if self._reads % READ_AGAIN == 0:
            self._go_back()
        at = await time_now(self.journal)
        found = [event for kind in KINDS for event in await self._read(kind, at)]
        return sorted(found, key=lambda event: event.at)

    def _go_back(self) -> None:
        """Read the last seconds again, and forget what was given before them."""
        earliest = max(self.place, self.since)
        self._places = {kind: min(place, (earliest, 0)) for kind, place in self._places.items()}
        self._given = {one for one in self._given if one[2] >= earliest}

    async def _read(self, kind: str, now_at: float) -> list[FeedEvent]:
        """Events of one kind; those of other tenants are passed over, and never given."""
        at, place = KINDS[kind], self._places[kind]
        columns = (items.c.id, items.c.tenant, items.c.key, items.c.sequence, items.c.state)
        query = (
            select(at.label("at"), *columns, items.c.outcome)
            .where(items.c.scenario == self.scenario, at >= place[0])
            .where(tuple_(at, items.c.id) > tuple_(*map(literal, place)))
            .order_by(at, items.c.id)
            .limit(MOST)
        )
        async with self.journal.database.read() as connection:
            rows = (await connection.execute(query)).all()
        if rows:
            self._places[kind] = (rows[-1].at, rows[-1].id)
        is_whole = len(rows) < MOST
        self._read_to[kind] = max(now_at if is_whole else rows[-1].at, self._read_to[kind])
        return [event for row in rows if (event := self._new(kind, row)) is not None]

    def _new(self, kind: str, row: Any) -> FeedEvent | None:
        one = (kind, row.id, row.at)
        if row.tenant != self.journal.tenant or one in self._given:
            return None
        self._given.add(one)
        what = (row.at, row.id, row.key, row.sequence, row.state, row.outcome)
        return FeedEvent(kind, *what)


async def time_now(journal: Journal) -> float:
    """The time by the database's clock, in seconds since 1970."""
    async with journal.database.read() as connection:
        return float((await connection.execute(select(now()))).scalar_one())
