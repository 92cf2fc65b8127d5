"""Records are accepted, deduplicated and held by the run; items due later come back."""

import asyncio
from typing import Any

import pytest

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.errors import TransientError
from agents.runtime.execution.decorator import agent
from agents.runtime.intake.intake import Intake, Rejection, Submission
from agents.runtime.journal.schema import items
from agents.runtime.model.batch import RunStats, watcher
from agents.runtime.model.policies import PURE, READ
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    JOBS,
    Job,
    Made,
    Provider,
    crash,
    crashing_runtime,
    effect_of,
    jobs,
    rows,
    run,
    states,
    submissions,
)


def seeing() -> tuple[Any, list[str]]:
    called: list[str] = []

    @agent(PURE)
    def see(job: Job) -> Made:
        called.append(job.key)
        return Made(by="see")

    return see, called


@pytest.mark.usefixtures("opened")
async def test_batches_have_at_most_the_given_size() -> None:
    intake = Intake(JOBS, RunStats(), lambda _r: None)
    batches = intake.accepted(submissions(jobs(10)), 4)
    assert [batch.count async for batch in batches] == [4, 4, 2]


@pytest.mark.usefixtures("opened")
async def test_a_record_twice_in_a_source_is_processed_once() -> None:
    see, called = seeing()
    result = await run([*jobs(3), *jobs(3)], see)
    assert result.outcomes == {"job completed": 3, "already done": 3}
    assert len(called) == 3


@pytest.mark.usefixtures("opened")
async def test_a_record_again_in_a_later_chunk_is_already_done() -> None:
    see, called = seeing()
    result = await run([*jobs(3), *jobs(3)], see, size=3)
    assert result.stats.reasons == {"already done": {"job completed": 3}}
    assert len(called) == 3


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("size", [1, 9])
async def test_a_key_with_another_body_is_rejected_with_its_line(size: int) -> None:
    see, called = seeing()
    result = await run([Job(key="a", n=1), Job(key="a", n=2)], see, size=size)
    assert result.outcomes == {"job completed": 1, "rejected": 1}
    (rejection,) = result.rejections
    assert (rejection.line, rejection.rule) == (2, "conflict")
    assert rejection.message.startswith("line 2: jobs 'a' was accepted before")
    assert Job.model_validate_json(rejection.raw).n == 2
    assert called == ["a"]


@pytest.mark.usefixtures("opened")
async def test_rejections_are_passed_on_and_affect_no_other_record() -> None:
    see, _ = seeing()
    bad = Rejection(7, "json", "line 7: not JSON", b"{")
    result = await run([bad, *submissions(jobs(2))], see)
    assert result.rejections == [bad]
    assert result.stats.reasons == {"rejected": {"input: json": 1}}
    assert result.outcomes == {"rejected": 1, "job completed": 2}


async def test_items_of_a_crashed_process_are_resumed_within_the_run(
    journal_settings: Settings,
) -> None:
    settings = journal_settings.model_copy(update={"lease_seconds": 1.0})
    see, called = seeing()
    async with crashing_runtime(settings) as other:
        intake = Intake(JOBS, RunStats(), lambda _r: None)
        await anext(aiter(intake.accepted(submissions(jobs(3)), 9)))
        async with open_runtime(settings):
            running = asyncio.create_task(run(jobs(4), see))
            await asyncio.sleep(0)
            await crash(other)
            result = await running
    assert result.outcomes == {"job completed": 4}
    assert sorted(called) == [job.key for job in jobs(4)]


async def test_items_of_living_processes_are_left_to_them(
    journal_settings: Settings, opened: Runtime
) -> None:
    settings = journal_settings.model_copy(update={"lease_seconds": 1.0})
    see, called = seeing()
    intake = Intake(JOBS, RunStats(), lambda _r: None)
    await anext(aiter(intake.accepted(submissions(jobs(2)), 9)))
    async with open_runtime(settings):
        result = await run(jobs(3), see)
    assert result.stats.reasons["elsewhere"] == {"held by another process": 2}
    assert called == ["job-0002"]
    assert opened.lease.remaining() > 0


@pytest.mark.slow
@pytest.mark.usefixtures("opened")
async def test_a_delayed_item_joins_the_next_batch_when_it_is_due() -> None:
    tried: list[str] = []

    @agent(READ)
    async def read(job: Job) -> Made:
        tried.append(job.key)
        if tried.count(job.key) == 1 and job.n == 0:
            raise TransientError("later", 1.05)
        return Made(by="read")

    result = await run(jobs(3), read, size=1)
    assert result.outcomes == {"job completed": 3}
    assert tried == ["job-0000", "job-0001", "job-0002", "job-0000"]
    assert {row.crash_count for row in await rows(items)} == {0}


@pytest.mark.usefixtures("opened")
async def test_the_watcher_gets_the_counts_after_each_batch() -> None:
    see, _ = seeing()
    seen: list[int] = []
    token = watcher.set(lambda stats: seen.append(stats.done))
    await run(jobs(5), see, size=2)
    watcher.reset(token)
    assert seen == [2, 4, 5, 5]


@pytest.mark.usefixtures("opened")
async def test_items_carry_their_trace_from_run_to_run(provider: Provider) -> None:
    await run(jobs(2), effect_of(provider))
    before = [row.trace for row in await rows(items)]
    await run(jobs(2), effect_of(provider))
    assert [row.trace for row in await rows(items)] == before
    assert len(set(before)) == 2
    assert set((await states()).values()) == {"completed"}


def test_a_submission_has_the_line_of_its_record() -> None:
    assert [record.line for record in submissions(jobs(2))] == [1, 2]
    assert all(isinstance(record, Submission) for record in submissions(jobs(2)))
