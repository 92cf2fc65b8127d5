"""What the versions of a scenario have to do, how their items turned out, and which workers have them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.gateway_schema import worker_versions
from agents.runtime.journal.schema import (
    DELAYED,
    READY,
    SUSPECTED,
    dead_letters,
    history,
    items,
    owners,
)
from agents.runtime.journal.statements import insert_many, insert_new
from agents.runtime.journal.workers import is_alive
from agents.runtime.model.lifecycle import State

MOST_COUNTED = 10_000  # queued items of a version; more are not counted
MOST_SAMPLES = 10_000  # ended items, the latest
BEGUN = (State.PROCESSING, State.WAITING, State.COMPENSATING)
FAILED = frozenset({State.FAILED, State.COMPENSATED, State.DEAD_LETTERED})
WITH_LETTERS = (State.DEAD_LETTERED, State.COMPENSATING)
IN_WORK = (State.PROCESSING, State.COMPENSATING)
# When an item was first claimed. What it waited in the queue says nothing of its version.
BEGUN_AT = (
    select(func.min(history.c.at))
    .where(history.c.item == items.c.id, history.c.target == State.PROCESSING)
    .correlate(items)
    .scalar_subquery()
)


@dataclass(slots=True)
class Unfinished:
    """What a version has to do: `queued` items (10,000 at most are counted), begun items, dead letters.

    Begun are also those that wait for a person or a retry. `workers` are the living processes whose
    code has the version.
    """

    queued: int = 0
    begun: int = 0
    dead_letters: int = 0
    workers: int = 0

    @property
    def is_drained(self) -> bool:
        """Whether no item needs this version any more; a dead letter may be replayed."""
        return not (self.queued or self.begun or self.dead_letters)


@dataclass(slots=True)
class Sample:
    """How items of a version ended: how many, and how many seconds each took from its first claim on.

    `failed` are those that were undone, refused or became dead letters. Cancelled ones do not count.
    """

    failed: int = 0
    seconds: list[float] = field(default_factory=list)
    letters: int = 0

    @property
    def ended(self) -> int:
        """Items that count."""
        return len(self.seconds) + self.letters

    @property
    def error_rate(self) -> float:
        """Per cent of the items that failed; 0 without items."""
        return 100.0 * self.failed / self.ended if self.ended else 0.0

    def seconds_of(self, share: float) -> float | None:
        """The seconds within which this share of the items ended, 0 to 1; None without items."""
        if not self.seconds:
            return None
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


async def unfinished_by_version(
    database: Database, scenario: str, known: Iterable[int] = ()
) -> dict[int, Unfinished]:
    """What each version has to do: the `known` majors, and all others that have something."""
    found = {major: Unfinished() for major in known}

    def of(major: int) -> Unfinished:
        return found.setdefault(major, Unfinished())

    async with database.read() as connection:
        async for major, count in _queued(connection, scenario):
            of(major).queued = count
        for row in await connection.execute(_begun(scenario)):
            of(row.major).begun += row.number
        for row in await connection.execute(_letters(scenario).group_by(items.c.major)):
            of(row.major).dead_letters = row.number
        for row in await connection.execute(_workers(scenario)):
            of(row.major).workers = row.number
    return dict(sorted(found.items()))


async def _queued(connection: AsyncConnection, scenario: str) -> Any:
    """Each major version that has queued items with their number, by steps through the index."""
    ready, major = and_(items.c.scenario == scenario, text(READY)), -1
    first = select(func.min(items.c.major)).where(ready)
    while (next_one := await connection.scalar(first.where(items.c.major > major))) is not None:
        major = int(next_one)
        some = select(items.c.id).where(ready, items.c.major == major).limit(MOST_COUNTED)
        yield major, await connection.scalar(select(func.count()).select_from(some.subquery()))


def _begun(scenario: str) -> Any:
    """SQL: unfinished items that are not ready, by version. A dead letter is counted as such only."""
    count = select(items.c.major, func.count().label("number")).where(items.c.scenario == scenario)
    letters = select(dead_letters.c.item).where(
        dead_letters.c.item == items.c.id, dead_letters.c.status == "open"
    )
    begun = count.where(items.c.state.in_(BEGUN), ~letters.exists()).group_by(items.c.major)
    delayed = count.where(text(DELAYED)).group_by(items.c.major)
    suspected = count.where(text(SUSPECTED), items.c.retry_at.is_(None)).group_by(items.c.major)
    return begun.union_all(delayed, suspected)


def _letters(scenario: str) -> Select[Any]:
    return (
        select(items.c.major, func.count().label("number"))
        .join(dead_letters, dead_letters.c.item == items.c.id)
        .where(items.c.scenario == scenario, dead_letters.c.status == "open")
        .where(items.c.state.in_(WITH_LETTERS))  # those alone, by their index
    )


def _workers(scenario: str) -> Select[Any]:
    return (
        select(worker_versions.c.major, func.count().label("number"))
        .where(worker_versions.c.scenario == scenario, is_alive(worker_versions.c.owner))
        .group_by(worker_versions.c.major)
    )


async def register_versions(
    database: Database, worker: str, scenario: str, majors: Sequence[int]
) -> None:
    """Note that the code of a worker has these versions, until the worker's row is gone.

    Nothing is noted for a worker whose row is gone already: it has lost its lease.
    """
    async with database.write() as connection:
        lives = select(owners.c.id).where(owners.c.id == worker).with_for_update()
        if await connection.scalar(lives) is not None:
            rows = [{"owner": worker, "scenario": scenario, "major": major} for major in majors]
            await insert_many(connection, insert_new(connection, worker_versions), rows)


async def samples(database: Database, scenario: str, since: dict[int, float]) -> dict[int, Sample]:
    """How the latest items of each version ended that were accepted at its time in `since` or later."""
    found = {major: Sample() for major in since}
    theirs = or_(
        *(and_(items.c.major == major, items.c.accepted_at >= at) for major, at in since.items())
    )
    took = items.c.ended_at - func.coalesce(BEGUN_AT, items.c.ended_at)
    ended = (
        select(items.c.major, items.c.state, took.label("took"))
        .where(items.c.scenario == scenario, items.c.ended_at >= min(since.values()), theirs)
        .order_by(items.c.ended_at.desc())
        .limit(MOST_SAMPLES)
    )
    async with database.read() as connection:
        for row in await connection.execute(ended):
            _add(found[row.major], row)
        # A compensation that stopped has not ended.
        undone = _letters(scenario).where(theirs, items.c.ended_at.is_(None))
        for row in await connection.execute(undone.group_by(items.c.major)):
            found[row.major].letters += row.number
            found[row.major].failed += row.number
    return found


def _add(sample: Sample, row: Any) -> None:
    if row.state != State.CANCELLED:
        sample.seconds.append(row.took)
        sample.failed += row.state in FAILED


async def overdue(
    database: Database, scenario: str, major: int, since: float, seconds: float
) -> int:
    """How many items of a version began more than `seconds` ago and go on, of those accepted `since`."""
    late = and_(
        items.c.scenario == scenario,
        items.c.major == major,
        items.c.accepted_at >= since,
        items.c.waiting_since.is_(None),
        now() - seconds >= BEGUN_AT,
    )
    held = select(items.c.id).where(late, items.c.state.in_(IN_WORK))
    delayed = select(items.c.id).where(late, text(DELAYED))
    async with database.read() as connection:
        both = held.union_all(delayed).limit(MOST_SAMPLES).subquery()
        count: int | None = await connection.scalar(select(func.count()).select_from(both))
    return count or 0
