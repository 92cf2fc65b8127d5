"""Outcomes of quick steps without effects ride: the next transaction of their batch writes them."""

import pytest
from sqlalchemy import text

from agents.runtime.context import Runtime, open_runtime, runtime
from agents.runtime.errors import PermanentError
from agents.runtime.execution import step
from agents.runtime.execution.agent import EffectKey
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.schema import effects, items
from agents.runtime.model.policies import EFFECT, PURE
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    HOUR,
    AnyAgent,
    Job,
    Killed,
    Made,
    Provider,
    change,
    commits,
    crashing_runtime,
    dead_letter_rows,
    effect_of,
    jobs,
    rows,
    run,
    states,
    step_statuses,
)


def pure(name: str, called: list[str] | None = None, text: str = "") -> AnyAgent:
    def look(job: Job) -> Made:
        (called if called is not None else []).append(job.key)
        return Made(by=f"{name} {text if job.n == 1 else ''}", n=job.n)

    look.__name__ = name
    return agent(PURE)(look)


@pytest.mark.usefixtures("opened")
async def test_steps_without_effects_need_no_commit_of_their_own() -> None:
    before = commits()
    result = await run(jobs(3), *[pure(f"look_{n}") for n in range(5)])
    assert result.outcomes == {"job completed": 3}
    assert commits() - before == 2, "to accept the items and to end them"
    assert len(await step_statuses()) == 15


@pytest.mark.usefixtures("opened")
async def test_the_intent_of_an_effect_is_written_with_the_outcomes_before_it() -> None:
    found = []

    @agent(EFFECT, settle=HOUR)
    async def pay(_job: Job, _key: EffectKey) -> Made:
        found.append((await step_statuses(), [row.status for row in await rows(effects)]))
        return Made(by="pay")

    before = commits()
    assert (await run(jobs(1), pure("look"), pay)).outcomes == {"job completed": 1}
    assert found == [([("look", 0, "done")], ["intended"])]
    assert commits() - before == 4, "to accept, to intend, the outcome, to end"


async def test_a_crash_repeats_steps_whose_outcomes_rode_and_no_effect(
    journal_settings: Settings,
) -> None:
    provider, called = Provider(), list[str]()

    @agent(PURE)
    def crash(_job: Job) -> None:
        raise Killed

    make, look = effect_of(provider), pure("look", called)
    async with crashing_runtime(journal_settings):
        with pytest.raises(Killed):
            await run(jobs(1), make, look, crash)
    async with open_runtime(journal_settings):
        assert (await run(jobs(1), make, look)).outcomes == {"job completed": 1}
    assert called == ["job-0000"] * 2
    assert provider.count("job-0000") == 1


@pytest.mark.usefixtures("opened")
async def test_slow_work_does_not_ride(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "RIDE_SECONDS", 0.0)
    before = commits()
    await run(jobs(1), pure("look"), pure("see"))
    assert commits() - before == 4


@pytest.mark.usefixtures("opened")
async def test_an_item_that_is_set_aside_keeps_what_rode() -> None:
    @agent(PURE)
    def refuse(job: Job) -> None:
        if job.n == 1:
            raise PermanentError

    result = await run(jobs(3), pure("look"), refuse, pure("see"))
    assert result.outcomes == {"job completed": 2, "job failed": 1}
    found = [name for name, _, status in await step_statuses() if status == "done"]
    assert sorted(found) == ["look"] * 3 + ["refuse"] * 2 + ["see"] * 2


@pytest.mark.usefixtures("opened")
async def test_what_rides_is_not_written_for_an_item_that_was_taken_over() -> None:
    @agent(PURE)
    def lose(job: Job) -> None:
        if job.n == 1:
            job_ids.append(job.key)

    job_ids: list[str] = []

    async def take_over(batch: object) -> object:
        await change("job-0001", owner="another", fence=9)
        return batch

    result = await run(jobs(3), pure("look"), lose, take_over)  # type: ignore[arg-type]  # not an agent
    assert result.outcomes == {"job completed": 2}
    ids = {row.id: row.key for row in await rows(items)}
    async with runtime().journal.database.read() as connection:
        written = await connection.execute(text("SELECT DISTINCT item FROM stages"))
        assert sorted(ids[row.item] for row in written) == ["job-0000", "job-0002"]


@pytest.mark.parametrize("effect_follows", [False, True])
async def test_a_value_that_the_database_refuses_makes_a_dead_letter_of_its_item_alone(
    opened: Runtime, *, effect_follows: bool
) -> None:
    if not opened.journal.database.is_sqlite:
        pytest.skip("the trigger is written for SQLite")
    async with opened.journal.database.write() as connection:
        await connection.execute(
            text(
                "CREATE TRIGGER refuse BEFORE INSERT ON stages WHEN NEW.output LIKE '%odd%' "
                "BEGIN SELECT RAISE(ABORT, 'refused'); END"
            )
        )
    provider = Provider()
    after = [effect_of(provider)] if effect_follows else []
    result = await run(jobs(4), pure("look", text="odd"), pure("see"), *after)
    assert result.outcomes == {"job completed": 3, "dead-lettered": 1}
    assert (await states())["job-0001"] == "dead_lettered"
    assert [letter.agent for letter in await dead_letter_rows()] == ["look"]
    assert provider.count("job-0001") == 0
