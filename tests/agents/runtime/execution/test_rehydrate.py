"""Items are read from the journal as they were left; items that this code cannot read are parked."""

import pytest
from sqlalchemy import update

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.errors import PermanentError
from agents.runtime.execution import step
from agents.runtime.execution.agent import AGENTS
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.schema import items, outbox, steps
from agents.runtime.model.item import Item, Notice
from agents.runtime.model.policies import PURE
from agents.runtime.model.scenario import Scenario
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    AnyAgent,
    Job,
    Killed,
    Made,
    Provider,
    change,
    crashing_runtime,
    effect_of,
    jobs,
    rows,
    run,
    states,
    undo_of,
)


@pytest.fixture(autouse=True)
def _each_step_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "RIDE_SECONDS", 0.0)


def see() -> AnyAgent:
    @agent(PURE)
    def look(job: Job) -> Made:
        return Made(by="look", n=job.n)

    return look


def crash_at(key: str) -> AnyAgent:
    @agent(PURE)
    def crash(job: Job, _made: Made) -> None:
        if job.key == key:
            raise Killed

    return crash


async def half_done(settings: Settings) -> None:
    """Three jobs that have passed `look`, left by a process that crashed."""
    async with crashing_runtime(settings):
        with pytest.raises(Killed):
            await run(jobs(3), see(), crash_at("job-0000"))


async def test_an_unreadable_body_parks_only_its_item(journal_settings: Settings) -> None:
    await half_done(journal_settings)
    async with open_runtime(journal_settings):
        await change("job-0001", body='{"key": 7}')
        result = await run(jobs(3), see(), crash_at("nobody"))
        assert result.outcomes == {"job completed": 2, "waiting": 1}
        assert (await states())["job-0001"] == "waiting"


async def test_items_of_another_major_version_are_left_to_code_that_has_it(
    journal_settings: Settings,
) -> None:
    await half_done(journal_settings)
    newer = Scenario("jobs", "2", Job, lambda item: f"job {item.state}")
    async with open_runtime(journal_settings):
        result = await run(jobs(3), see(), crash_at("nobody"), scenario=newer)
        assert result.outcomes == {"elsewhere": 3}
        assert result.stats.reasons == {"elsewhere": {"this code does not have version 1": 3}}
        assert set((await states()).values()) == {"processing"}
        again = await run(jobs(3), see(), crash_at("nobody"))
        assert again.outcomes == {"job completed": 3}


async def test_an_item_with_an_unreadable_output_waits_and_keeps_it(
    journal_settings: Settings,
) -> None:
    await half_done(journal_settings)
    async with open_runtime(journal_settings) as opened:
        ids = {row.key: row.id for row in await rows(items)}
        async with opened.journal.database.write() as connection:
            one = steps.c.item == ids["job-0001"]
            await connection.execute(update(steps).where(one).values(output='{"old": "form"}'))
        result = await run(jobs(3), see(), crash_at("nobody"))
        assert result.outcomes == {"job completed": 2, "waiting": 1}
        outputs = {row.item: row.output for row in await rows(steps) if row.agent == "look"}
        assert outputs[ids["job-0001"]] == '{"old": "form"}', "the right code can still read it"


async def test_a_scenario_that_fails_to_name_an_outcome_stops_no_other_item(
    opened: Runtime,
) -> None:
    def outcome(item: Item) -> str:
        if item.key == "job-0001":
            raise RuntimeError("no words")
        return "done"

    result = await run(jobs(3), see(), scenario=Scenario("jobs", "1", Job, outcome))
    assert result.outcomes == {"done": 2, "completed": 1}
    assert {row.outcome for row in await rows(items)} == {"done", "completed"}
    assert opened.lease.remaining() > 0


async def test_a_notice_that_cannot_be_stored_ends_its_item_without_it(opened: Runtime) -> None:
    if opened.journal.database.is_sqlite:
        pytest.skip("SQLite stores every text that Python can encode")

    def notices(item: Item) -> list[Notice]:
        body = "a\0b" if item.key == "job-0001" else "news"
        return [Notice("job.done", "email", body)]

    scenario = Scenario("jobs", "1", Job, lambda _item: "done", notices)
    result = await run(jobs(3), see(), scenario=scenario)
    assert result.outcomes == {"done": 3}
    ids = {row.id: row.key for row in await rows(items)}
    assert [ids[row.item] for row in await rows(outbox)] == ["job-0000", "job-0002"]


async def test_effects_of_unknown_agents_are_not_compensated_here(opened: Runtime) -> None:
    provider = Provider()
    make = effect_of(provider, name="make_elsewhere", undo=undo_of(provider))

    @agent(PURE)
    def refuse(_job: Job) -> None:
        AGENTS.pop("make_elsewhere", None)
        raise PermanentError

    await run(jobs(1), make, refuse)
    assert provider.undone == []
    assert await states() == {"job-0000": "compensating"}
    assert opened.lease.remaining() > 0
