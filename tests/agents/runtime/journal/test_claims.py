"""Killers: what died with its owner travels in ever smaller company, and not for ever."""

import pytest

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.saga import saga
from agents.runtime.intake.intake import Intake
from agents.runtime.journal.claims import MOST_CRASHES, TOGETHER, unfinished
from agents.runtime.journal.operator_actions import mend, replay
from agents.runtime.journal.schema import items
from agents.runtime.model.batch import RunStats
from agents.runtime.model.lifecycle import State
from agents.runtime.model.policies import PURE
from agents.runtime.model.scenario import Correction
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    JOBS,
    AnyAgent,
    Job,
    Killed,
    Made,
    Provider,
    Run,
    change,
    crashing_runtime,
    dead_letter_rows,
    effect_of,
    jobs,
    rows,
    run,
    states,
    submissions,
)
from tests.agents.runtime.journal.operators import action, go_on

KILLER = "job-0100"


def deadly(seen: list[int]) -> AnyAgent:
    """An agent that kills its process at one job; notes the size of the batches it dies in."""

    @agent(PURE, batched=True)
    def work(some: list[Job]) -> list[Made]:
        if any(job.key == KILLER for job in some):
            seen.append(len(some))
            raise Killed
        return [Made(by="work", n=job.n) for job in some]

    return work


async def resume(step: AnyAgent) -> Run:
    """Another process finishes what is left, as a reconciler does."""
    told = Run(RunStats())
    intake = Intake(JOBS, told.stats, told.rejections.append)
    async for batch in intake.resumed(256):
        async with saga(batch):
            await step(batch)
    return told


@pytest.mark.slow
async def test_one_killer_among_256_is_one_dead_letter_and_255_completed(
    journal_settings: Settings,
) -> None:
    seen: list[int] = []
    step = deadly(seen)
    async with crashing_runtime(journal_settings):
        with pytest.raises(Killed):
            await run(jobs(256), step)
    while True:
        async with crashing_runtime(journal_settings):
            try:
                await resume(step)
                break
            except Killed:
                continue
    async with open_runtime(journal_settings):
        found = list((await states()).values())
        assert found.count(State.COMPLETED) == 255
        assert found.count(State.DEAD_LETTERED) == 1
        (letter,) = await dead_letter_rows()
        assert (letter.error_type, letter.attempts) == ("PoisonItem", MOST_CRASHES)
    assert seen == [256, 32, 4, 1, 1]


async def test_the_innocent_go_first_and_suspects_never_join_new_work(
    journal_settings: Settings,
) -> None:
    seen: list[int] = []
    async with crashing_runtime(journal_settings):
        with pytest.raises(Killed):
            await run(jobs(256), deadly(seen))
    sizes: list[int] = []

    @agent(PURE, batched=True)
    def look(some: list[Job]) -> list[Made]:
        sizes.append(len(some))
        return [Made(by="look") for _ in some]

    async with open_runtime(journal_settings):
        told = await run(jobs(300), look)
        assert told.outcomes == {"job completed": 300}
    assert sizes[0] == 300 - 256
    assert set(sizes[1:]) == {TOGETHER[1]}


async def test_handing_back_is_no_death(journal_settings: Settings) -> None:
    intake = Intake(JOBS, RunStats(), lambda _rejection: None)
    async with open_runtime(journal_settings):
        async for _batch in intake.accepted(submissions(jobs(3)), 256):
            break
    async with open_runtime(journal_settings) as opened:
        assert {row.crash_count for row in await rows(items)} == {0}
        assert len(await unfinished(opened.journal.database, opened.journal.tenant, "jobs")) == 3


async def test_what_the_living_hold_is_not_unfinished(opened: Runtime) -> None:
    intake = Intake(JOBS, RunStats(), lambda _rejection: None)
    source = intake.accepted(submissions(jobs(3)), 256)
    await anext(aiter(source))
    assert await unfinished(opened.journal.database, opened.journal.tenant, "jobs") == []


@pytest.mark.usefixtures("no_waits")
async def test_a_killer_is_mended_and_replayed_and_may_be_buried_again(
    journal_settings: Settings, provider: Provider
) -> None:
    deadly_too = [Job(key="one")]
    step, body = effect_of(provider), Job(key="one", n=7).model_dump_json()
    for count in (1, 2):
        provider.before["one"] = [Killed()]
        async with crashing_runtime(journal_settings):
            with pytest.raises(Killed):
                await run(deadly_too, step) if count == 1 else await go_on(step)
            await change("one", crash_count=MOST_CRASHES - 1)
        async with open_runtime(journal_settings) as opened:
            await go_on(step)
            (letter,), (item,) = await dead_letter_rows(), await rows(items)
            assert (letter.agent, letter._mapping["count"], letter.status) == (
                "make",
                count,
                "open",
            )
            assert (item.state, item.ended_at is None) == (State.DEAD_LETTERED, False)
            assert letter.original == (None if count == 1 else deadly_too[0].model_dump_json())
            await mend(opened.journal, action(), Correction(JOBS, body))
            assert await replay(opened.journal, action())
            assert {row.crash_count for row in await rows(items)} == {0}
    async with open_runtime(journal_settings):
        assert (await go_on(step)).outcomes == {"job completed": 1}
    assert len(provider.keys("one")) == 1
