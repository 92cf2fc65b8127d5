"""Poison items: items of a crashed owner are claimed in smaller groups and become dead letters."""

import pytest

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.execution.decorator import agent
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
from tests.agents.runtime.journal.operators import action, resume

POISON = "job-0100"


def crashing_agent(seen: list[int]) -> AnyAgent:
    """An agent that crashes its process at one job; notes the sizes of the batches that crash."""

    @agent(PURE, batched=True)
    def work(batch: list[Job]) -> list[Made]:
        if any(job.key == POISON for job in batch):
            seen.append(len(batch))
            raise Killed
        return [Made(by="work", n=job.n) for job in batch]

    return work


@pytest.mark.slow
async def test_one_poison_item_among_256_is_dead_lettered_and_255_complete(
    journal_settings: Settings,
) -> None:
    seen: list[int] = []
    step = crashing_agent(seen)
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


async def test_new_items_go_first_and_suspects_never_join_them(
    journal_settings: Settings,
) -> None:
    seen: list[int] = []
    async with crashing_runtime(journal_settings):
        with pytest.raises(Killed):
            await run(jobs(256), crashing_agent(seen))
    sizes: list[int] = []

    @agent(PURE, batched=True)
    def look(batch: list[Job]) -> list[Made]:
        sizes.append(len(batch))
        return [Made(by="look") for _ in batch]

    async with open_runtime(journal_settings):
        result = await run(jobs(300), look)
        assert result.outcomes == {"job completed": 300}
    assert sizes[0] == 300 - 256
    assert set(sizes[1:]) == {TOGETHER[1]}


async def test_handing_back_counts_no_crash(journal_settings: Settings) -> None:
    intake = Intake(JOBS, RunStats(), lambda _rejection: None)
    async with open_runtime(journal_settings):
        async for _batch in intake.accepted(submissions(jobs(3)), 256):
            break
    async with open_runtime(journal_settings) as opened:
        assert {row.crash_count for row in await rows(items)} == {0}
        assert len(await unfinished(opened.journal.database, opened.journal.tenant, JOBS)) == 3


async def test_items_of_living_processes_are_not_unfinished(opened: Runtime) -> None:
    intake = Intake(JOBS, RunStats(), lambda _rejection: None)
    source = intake.accepted(submissions(jobs(3)), 256)
    await anext(aiter(source))
    assert await unfinished(opened.journal.database, opened.journal.tenant, JOBS) == []


@pytest.mark.usefixtures("no_waits")
async def test_a_poison_item_is_mended_and_replayed_and_may_become_a_dead_letter_again(
    journal_settings: Settings, provider: Provider
) -> None:
    poison = [Job(key="one")]
    step, body = effect_of(provider), Job(key="one", n=7).model_dump_json()
    for count in (1, 2):
        provider.before["one"] = [Killed()]
        async with crashing_runtime(journal_settings):
            with pytest.raises(Killed):
                await run(poison, step) if count == 1 else await resume(step)
            await change("one", crash_count=MOST_CRASHES - 1)
        async with open_runtime(journal_settings) as opened:
            await resume(step)
            (letter,), (item,) = await dead_letter_rows(), await rows(items)
            assert (letter.agent, letter._mapping["count"], letter.status) == (
                "make",
                count,
                "open",
            )
            assert (item.state, item.ended_at is None) == (State.DEAD_LETTERED, False)
            assert letter.original == (None if count == 1 else poison[0].model_dump_json())
            await mend(opened.journal, action(), Correction(JOBS, body))
            assert await replay(opened.journal, action())
            assert {row.crash_count for row in await rows(items)} == {0}
    async with open_runtime(journal_settings):
        assert (await resume(step)).outcomes == {"job completed": 1}
    assert len(provider.keys("one")) == 1
