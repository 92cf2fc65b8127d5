"""A small scenario for tests of the runtime: jobs, a provider with a memory, runs and crashes."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
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
from agents.runtime.journal.installation import installation_id
from agents.runtime.journal.schema import dead_letters, effects, items, owners, steps
from agents.runtime.journal.submit import NewItem
from agents.runtime.metrics import COMMITS
from agents.runtime.model.batch import Batch, RunStats
from agents.runtime.model.item import Item, Notice
from agents.runtime.model.policies import EFFECT, SameKey, Settle
from agents.runtime.model.scenario import Scenario
from agents.runtime.settings import Settings
from agents.runtime.trace_context import new_trace

AnyAgent = Agent[Any, Any]
HERE = "0123456789abcdef"  # the installation of every journal in tests of the runtime
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
    """Stands for `kill -9`: the code that raises it does nothing afterwards."""


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


def submissions(source: Iterable[Job]) -> list[Submission | Rejection]:
    return [Submission(job.key, job.model_dump_json(), job, n) for n, job in enumerate(source, 1)]


def new_items(keys: Iterable[str], body: str = "{}") -> list[NewItem]:
    """New items with these keys, each with a trace of its own."""
    return [
        NewItem(key, body, hashlib.sha256(body.encode()).hexdigest(), new_trace()) for key in keys
    ]


@dataclass
class Provider:
    """An outside system: an effect happens once for each key, calls are recorded, failures planned.

    By the key of a job, `before` has errors to raise before the effect happens, and `after` errors
    to raise after it has happened.
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
        """The idempotency keys of all calls for this job."""
        return {key for called, key in self.calls if called == job}

    def count(self, job: str) -> int:
        """The number of calls for this job."""
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
    """The counts and rejections of one run."""

    stats: RunStats = field(default_factory=RunStats)
    rejections: list[Rejection] = field(default_factory=list)

    @property
    def outcomes(self) -> dict[str, int]:
        return dict(self.stats.outcomes)


async def run(
    source: Iterable[Job] | Sequence[Submission | Rejection],
    *workflow: Callable[[Batch], Awaitable[Batch]],
    size: int = 256,
    after: AnyAgent | None = None,
    scenario: Scenario = JOBS,
) -> Run:
    """Run the agents on the source in a saga, and `after` when it has ended."""
    result, listed = Run(), list(source)
    records = [r for r in listed if isinstance(r, Submission | Rejection)]
    records += submissions(job for job in listed if isinstance(job, Job))
    intake = Intake(scenario, result.stats, result.rejections.append)
    async for batch in intake.accepted(records, size):
        current = batch
        async with saga(batch):
            for step in workflow:
                current = await step(current)
        if after is not None:
            await after(current)
    return result


def commits() -> float:
    """The number of commits of this process to journals."""
    (metric,) = COMMITS.collect()
    return next(s.value for s in metric.samples if s.name.endswith("_total"))


async def batch_of(source: Iterable[Job]) -> Batch:
    """A batch of these jobs, accepted into the journal and held by this process."""
    intake = Intake(JOBS, RunStats(), lambda _rejection: None)
    return await anext(aiter(intake.accepted(submissions(source), 256)))


@asynccontextmanager
async def crashing_runtime(settings: Settings) -> AsyncIterator[Runtime]:
    """A runtime that crashes at the end of the block: it hands nothing back."""
    database = Database(settings.journal)
    owner = Lease(database, settings.lease_seconds)
    await database.migrate()
    await owner.register()
    journal = Journal(database, settings.tenant, await installation_id(database))
    opened = Runtime(journal, owner, settings)
    token = runtimes._runtime.set(opened)
    try:
        yield opened
    finally:
        runtimes._runtime.reset(token)
        await crash(opened)
        await database.close()


async def crash(opened: Runtime) -> None:
    """Stop the heartbeat and let the lease run out at once."""
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


async def step_statuses() -> list[tuple[str, int, str]]:
    return [(row.agent, row.occurrence, row.status) for row in await rows(steps)]


async def effect_statuses() -> dict[str, str]:
    return {row.key: row.status for row in await rows(effects)}


async def dead_letter_rows() -> list[Row[Any]]:
    return await rows(dead_letters)


async def change(job: str, **values: Any) -> None:
    """Change columns of an item without the runtime."""
    async with runtime().journal.database.write() as connection:
        await connection.execute(update(items).where(items.c.key == job).values(**values))


async def until(condition: Callable[[], Any], seconds: float = 60) -> None:
    """Wait until the condition holds. Raises TimeoutError after `seconds`."""
    async with asyncio.timeout(seconds):
        while True:
            met = condition()
            if await met if asyncio.iscoroutine(met) else met:
                return
            await asyncio.sleep(0.01)
