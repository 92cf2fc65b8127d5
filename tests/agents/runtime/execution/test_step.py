"""One agent's step on a batch: resume, intend, run, commit in groups, set aside."""

import asyncio
from dataclasses import replace
from math import inf
from typing import Any

import pytest
from sqlalchemy import event, func, select

from agents.runtime.context import Runtime, open_runtime, runtime
from agents.runtime.errors import PermanentError
from agents.runtime.execution import step
from agents.runtime.execution.agent import EffectKey
from agents.runtime.execution.attempt import LeaseLost
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.schema import effects, steps
from agents.runtime.model.policies import EFFECT, PURE, READ, Lookup
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    HERE,
    HOUR,
    Job,
    Killed,
    Made,
    Provider,
    batch_of,
    commits,
    crashing_runtime,
    dead_letter_rows,
    effect_of,
    jobs,
    rows,
    run,
    states,
    step_statuses,
    until,
)


async def journalled(name: str) -> int:
    async with runtime().journal.database.read() as connection:
        count = await connection.scalar(
            select(func.count()).select_from(steps).where(steps.c.agent == name)
        )
    return count or 0


async def test_a_resumed_item_takes_the_stored_output_without_a_call(
    journal_settings: Settings,
) -> None:
    called: list[str] = []

    @agent(PURE)
    def see(job: Job) -> Made:
        called.append(job.key)
        return Made(by="first run", n=len(called))

    @agent(READ)
    async def note(_job: Job, made: Made) -> Made:
        seen.append(made)
        return made

    seen: list[Made] = []
    async with crashing_runtime(journal_settings):
        await see(await batch_of(jobs(2)))
    async with open_runtime(journal_settings):
        assert (await run(jobs(2), see, note)).outcomes == {"job completed": 2}
    assert called == ["job-0000", "job-0001"]
    assert [made.n for made in seen] == [1, 2]


@pytest.mark.usefixtures("opened")
async def test_the_same_agent_twice_in_a_flow_is_two_steps(provider: Provider) -> None:
    make = effect_of(provider)
    assert (await run(jobs(1), make, make)).outcomes == {"job completed": 1}
    assert await step_statuses() == [("make", 0, "done"), ("make", 1, "done")]
    assert list(provider.made) == [
        f"{HERE}:default:jobs:job-0000:make:0",
        f"{HERE}:default:jobs:job-0000:make:1",
    ]


@pytest.mark.usefixtures("opened")
async def test_a_pure_step_is_one_commit_and_an_effect_two(provider: Provider) -> None:
    @agent(PURE)
    def see(_job: Job) -> Made:
        return Made(by="see")

    batch, counted = await batch_of(jobs(200)), []
    for taken in (see, effect_of(provider)):
        before = commits()
        batch = await taken(batch)
        counted.append(commits() - before)
    assert counted == [1, 2]


@pytest.mark.usefixtures("opened")
async def test_a_slow_item_does_not_hold_back_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor what could wait for the next commit, which is that of the slow one."""
    monkeypatch.setattr(step, "RIDE_SECONDS", inf)
    release = asyncio.Event()

    @agent(READ)
    async def read(job: Job) -> Made:
        if job.n == 0:
            await release.wait()
        return Made(by="read")

    running = asyncio.create_task(run(jobs(9), read))
    await until(lambda: journalled_is("read", 8))
    assert not running.done()
    release.set()
    assert (await running).outcomes == {"job completed": 9}


async def journalled_is(name: str, count: int) -> bool:
    return await journalled(name) == count


@pytest.mark.usefixtures("opened")
async def test_outcomes_are_committed_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "GROUP_ITEMS", 16)
    monkeypatch.setattr(step, "RIDE_SECONDS", 0.0)
    groups: list[int] = []

    @agent(PURE)
    def see(_job: Job) -> Made:
        return Made(by="see")

    def note(_c: object, _s: object, text: str, values: Any, _x: object, many: bool) -> None:
        if "INTO stages" in text:  # on SQLite row by row, on PostgreSQL an array for each column
            groups.append(len(values if many else values[0]))

    event.listen(runtime().journal.database.engine.sync_engine, "after_cursor_execute", note)
    assert (await run(jobs(40), see)).outcomes == {"job completed": 40}
    assert groups == [16, 16, 8]


@pytest.mark.usefixtures("opened")
async def test_the_policy_bounds_how_many_items_run_at_once() -> None:
    running, most = 0, 0

    @agent(replace(READ, concurrency=3))
    async def read(_job: Job) -> Made:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return Made(by="read")

    await run(jobs(20), read)
    assert most == 3


async def test_an_item_that_was_taken_over_is_set_aside_and_not_written(
    opened: Runtime,
) -> None:
    @agent(PURE)
    def see(_job: Job) -> Made:
        return Made(by="see")

    batch = await batch_of(jobs(3))
    lost = batch.peek()[1]
    lost.fence -= 1
    batch = await see(batch)
    assert lost not in batch.peek()
    assert len(batch.peek()) == 2
    assert [row.item for row in await rows(steps)] == [item.id for item in batch.peek()]
    assert batch.context.stats.outcomes == {"elsewhere": 1}


@pytest.mark.usefixtures("opened")
async def test_an_item_lost_before_its_intent_has_no_effect(provider: Provider) -> None:
    batch = await batch_of(jobs(2))
    batch.peek()[0].fence -= 1
    await effect_of(provider)(batch)
    assert provider.calls == [("job-0001", f"{HERE}:default:jobs:job-0001:make:0")]
    assert [row.status for row in await rows(effects)] == ["done"]


@pytest.mark.usefixtures("opened", "no_waits")
async def test_one_bad_item_of_a_batched_function_fails_alone() -> None:
    sizes: list[int] = []

    @agent(PURE, batched=True)
    def score(some: list[Job]) -> list[Made]:
        sizes.append(len(some))
        if any(job.n == 37 for job in some):
            raise ValueError("37")
        return [Made(by="score", n=job.n) for job in some]

    result = await run(jobs(64), score)
    assert result.outcomes == {"job completed": 63, "dead-lettered": 1}
    assert (await states())["job-0037"] == "dead_lettered"
    assert len(sizes) == 13, "64 halved six times"
    assert [row.output for row in await rows(steps)].count(None) == 1


@pytest.mark.usefixtures("opened", "no_waits")
async def test_a_fact_that_cannot_be_stored_fails_only_its_item() -> None:
    @agent(PURE, batched=True)
    def name(some: list[Job]) -> list[Made]:
        return [Made(by="\ud800" if job.n == 3 else "fine") for job in some]

    assert (await run(jobs(8), name)).outcomes == {"job completed": 7, "dead-lettered": 1}


@pytest.mark.usefixtures("opened", "no_waits")
async def test_a_batched_function_that_returns_too_few_facts_fails_its_items() -> None:
    @agent(PURE, batched=True)
    def drop(some: list[Job]) -> list[Made]:
        return [Made(by="drop") for _ in some[1:]]

    assert (await run(jobs(3), drop)).outcomes == {"dead-lettered": 3}
    assert "was given 1 items and returned 0 facts" in (await dead_letter_rows())[0].error


@pytest.mark.usefixtures("opened")
async def test_permanently_failed_items_do_not_reach_the_next_agent(provider: Provider) -> None:
    class Declined(PermanentError):
        pass

    provider.before["job-0001"] = [Declined("no")]
    seen: list[str] = []

    @agent(PURE)
    def see(job: Job) -> Made:
        seen.append(job.key)
        return Made(by="see")

    result = await run(jobs(3), effect_of(provider), see)
    assert seen == ["job-0000", "job-0002"]
    assert result.stats.reasons == {"job failed": {"declined": 1}}
    assert [row.status for row in await rows(effects)] == ["done", "refused", "done"]


async def test_after_a_crash_only_items_without_a_committed_outcome_run_again(
    journal_settings: Settings, provider: Provider
) -> None:
    """A crash in the third group: the first two are resumed, the rest settled."""

    async def find(_job: Job, key: EffectKey) -> Made | None:
        return Made(by="found") if key in provider.made else None

    provider.after["job-0050"] = [Killed()]
    make = effect_of(provider, Lookup(find), policy=replace(EFFECT, concurrency=1))
    async with crashing_runtime(journal_settings):
        with pytest.raises(Killed):
            await run(jobs(60), make)
    assert len(provider.made) == 51
    async with open_runtime(journal_settings):
        assert (await run(jobs(60), make)).outcomes == {"job completed": 60}
    assert [provider.count(job.key) for job in jobs(60)] == [1] * 60


@pytest.mark.usefixtures("opened")
async def test_an_empty_batch_makes_no_commit(provider: Provider) -> None:
    make = effect_of(provider, HOUR)
    batch = await make(await batch_of(jobs(1)))
    batch.take()
    before = commits()
    assert (await make(batch)).count == 0
    assert commits() == before


@pytest.mark.usefixtures("opened")
async def test_no_call_outlives_a_step_that_fails() -> None:
    ended = list[str]()

    @agent(READ)
    async def look(job: Job) -> None:
        if job.key == jobs(2)[1].key:
            raise LeaseLost("taken over")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(job.key)

    with pytest.raises(LeaseLost):
        await asyncio.wait_for(run(jobs(2), look), 10)
    assert ended == [jobs(2)[0].key]
