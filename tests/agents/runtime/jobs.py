"""A small business for tests of the runtime: jobs, a provider with a memory, and ways to run and die."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Row, Table, select, update

from agents.runtime import context as runtimes
from agents.runtime.context import Lease, Runtime, runtime
from agents.runtime.execution.agent import Agent, EffectKey, UndoneKey
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.saga import saga
from agents.runtime.intake.intake import Intake, Rejection, Submission
from agents.runtime.journal import Journal
from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import dead_letters, effects, items, owners, steps
from agents.runtime.journal.submit import NewItem
from agents.runtime.model.batch import Batch, RunStats
from agents.runtime.model.item import Item, Notice
from agents.runtime.model.policies import EFFECT, SameKey, Settle
from agents.runtime.model.scenario import Scenario
from agents.runtime.settings import Settings
from agents.runtime.telemetry import new_trace

AnyAgent = Agent[Any, Any]
HOUR = SameKey(timedelta(hours=1))


class Job(BaseModel, frozen=True):
    """The payload of a work item."""

    key: str
    n: int = 0
    text: str = ""


class Made(BaseModel, frozen=True):
    """A fact about a job."""

    by: str
    n: int = 0


class Killed(BaseException):
    """Stands for kill -9: nothing after it runs in the process it hits."""


def outcome_of(item: Item) -> str:
    return f"job {item.state}"


JOBS = Scenario("jobs", "1", Job, outcome_of)


def with_notices(*topics: str) -> Scenario:
    """The scenario with one e-mail for each topic at the end of an item."""
    return Scenario(
        "jobs", "1", Job, outcome_of, lambda _item: [Notice(t, "email", "done") for t in topics]
    )


def jobs(count: int) -> list[Job]:
    return [Job(key=f"job-{n:04}", n=n) for n in range(count)]


def candidates(some: Iterable[Job]) -> list[Submission | Rejection]:
    return [Submission(job.key, job.model_dump_json(), job, n) for n, job in enumerate(some, 1)]


def new_items(keys: Iterable[str], body: str = "{}") -> list[NewItem]:
    """As a source of these keys would offer them, each offer with a trace of its own."""
    return [
        NewItem(key, body, hashlib.sha256(body.encode()).hexdigest(), new_trace()) for key in keys
    ]


@dataclass
class Provider:
    """Does things once for a key; remembers calls, and fails as it is told for a job.

    `before` are errors raised instead of working, `after` errors raised although it worked.
    """

    calls: list[tuple[str, str]] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)
    undone: list[str] = field(default_factory=list)
    before: dict[str, list[BaseException]] = field(default_factory=dict)
    after: dict[str, list[BaseException]] = field(default_factory=dict)

    async def make(self, job: Job, key: str) -> None:
        self.calls.append((job.key, key))
        _fail(self.before, job)
        self.made.setdefault(key, job.key)
        _fail(self.after, job)

    async def undo(self, job: Job, key: str) -> None:
        self.calls.append((job.key, f"undo {key}"))
        _fail(self.before, job)
        self.undone.append(key)
        _fail(self.after, job)

    def keys(self, job: str) -> set[str]:
        """The idempotency keys this job ever came with."""
        return {key for called, key in self.calls if called == job}

    def count(self, job: str) -> int:
        """How often a call for this job came in."""
        return sum(called == job for called, _ in self.calls)


def _fail(errors: dict[str, list[BaseException]], job: Job) -> None:
    if planned := errors.get(job.key):
        raise planned.pop(0)


def effect_of(provider: Provider, settle: Settle = HOUR, name: str = "make", **options: Any) -> Any:
    """An agent with an effect at the provider."""

    async def make(job: Job, key: EffectKey) -> Made:
        await provider.make(job, key)
        return Made(by=name, n=job.n)

    make.__name__ = name
    policy = options.pop("policy", EFFECT)
    return agent(policy, settle=settle, **options)(make)


def undo_of(provider: Provider, name: str = "unmake", settle: Settle = HOUR) -> Any:
    """An agent that undoes an effect at the provider."""

    async def unmake(job: Job, key: UndoneKey) -> None:
        await provider.undo(job, key)

    unmake.__name__ = name
    return agent(EFFECT, settle=settle)(unmake)


@dataclass
class Run:
    """What one run of a story told."""

    stats: RunStats = field(default_factory=RunStats)
    rejections: list[Rejection] = field(default_factory=list)

    @property
    def outcomes(self) -> dict[str, int]:
        return dict(self.stats.outcomes)


async def run(
    source: Iterable[Job] | Sequence[Submission | Rejection],
    *story: AnyAgent,
    size: int = 256,
    after: AnyAgent | None = None,
    scenario: Scenario = JOBS,
) -> Run:
    """Take jobs through a saga of agents, and through one more agent after it."""
    told, found = Run(), list(source)
    records = [r for r in found if isinstance(r, Submission | Rejection)]
    records += candidates(job for job in found if isinstance(job, Job))
    intake = Intake(scenario, told.stats, told.rejections.append)
    async for batch in intake.accepted(records, size):
        current = batch
        async with saga(batch):
            for step in story:
                current = await step(current)
        if after is not None:
            await after(current)
    return told


async def batch_of(some: Iterable[Job]) -> Batch:
    """The first batch of a run that goes no further by itself."""
    intake = Intake(JOBS, RunStats(), lambda _rejection: None)
    return await anext(aiter(intake.accepted(candidates(some), 256)))


@asynccontextmanager
async def doomed(settings: Settings) -> AsyncIterator[Runtime]:
    """A process that is killed at the end of the block: it hands nothing back."""
    database = Database(settings.journal)
    owner = Lease(database, settings.journal, settings.lease_seconds)
    await database.migrate()
    await owner.register()
    opened = Runtime(Journal(database, settings.tenant), owner, settings)
    token = runtimes._runtime.set(opened)
    try:
        yield opened
    finally:
        runtimes._runtime.reset(token)
        await bury(opened)
        await database.close()


async def bury(opened: Runtime) -> None:
    """Stop the heartbeat and let the lease have run out long ago."""
    opened.lease._stopped.set()
    await asyncio.to_thread(opened.lease._thread.join)
    async with opened.journal.database.write() as connection:
        await connection.execute(
            update(owners).where(owners.c.id == opened.lease.id).values(beat_at=0.0)
        )


async def rows(table: Table) -> list[Row[Any]]:
    """All rows of a table of the journal."""
    async with runtime().journal.database.read() as connection:
        found = await connection.execute(select(table).order_by(*table.primary_key))
    return list(found.all())


async def states() -> dict[str, str]:
    return {row.key: row.state for row in await rows(items)}


async def stage_statuses() -> list[tuple[str, int, str]]:
    return [(row.agent, row.occurrence, row.status) for row in await rows(steps)]


async def effect_statuses() -> dict[str, str]:
    return {row.key: row.status for row in await rows(effects)}


async def letters() -> list[Row[Any]]:
    return await rows(dead_letters)


async def change(job: str, **values: Any) -> None:
    """Write to an item behind the runtime's back."""
    async with runtime().journal.database.write() as connection:
        await connection.execute(update(items).where(items.c.key == job).values(**values))


async def until(condition: Callable[[], Any], seconds: float = 60) -> None:
    """Wait for a condition, bounded."""
    async with asyncio.timeout(seconds):
        while True:
            met = condition()
            if await met if asyncio.iscoroutine(met) else met:
                return
            await asyncio.sleep(0.01)
