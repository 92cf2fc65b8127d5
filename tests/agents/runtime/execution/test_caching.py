"""Results of pure agents are cached across runs until source, version or input change."""

from typing import Any

import pytest
from prefect import flow

from agents.runtime.context import open_runtime
from agents.runtime.execution.agent import AGENTS
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.prefect_tasks import ByInput
from agents.runtime.journal.schema import steps
from agents.runtime.metrics import CACHE
from agents.runtime.model.policies import PURE, READ
from agents.runtime.model.scenario import Scenario
from agents.runtime.redis.shared_cache import LOCAL_COPIES
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import Job, Made, outcome_of, rows, run

called: list[str] = []


def key(**changed: Any) -> str:
    given = {"agent": "see", "version": "1", "source": "def see", "inputs": {"a": 1}} | changed
    inputs = given.pop("inputs")
    return ByInput(**given).compute_key(None, inputs, None)


def test_the_key_changes_with_everything_that_may_change_the_result() -> None:
    keys = {
        key(),
        key(agent="look"),
        key(version="2"),
        key(source="def see: 2"),
        key(inputs={"a": 2}),
        key(inputs={"b": 1}),
        key(inputs={"a": "1"}),
        key(inputs={"a": None}),
    }
    assert len(keys) == 8
    assert key() == key()
    assert key(inputs={"job": Job(key="x")}) == key(inputs={"job": Job(key="x")})


def seeing(version: str = "1") -> Any:
    AGENTS.pop("see_cached", None)

    @agent(PURE, version=version)
    def see_cached(job: Job) -> dict[str, Any]:
        called.append(job.key)
        return {"__class__": "os.system", "data": job.text, "version": version}

    return see_cached


@pytest.mark.campaign
@pytest.mark.usefixtures("harness")
async def test_a_pure_call_is_made_once_over_many_runs() -> None:
    called.clear()
    see = seeing()

    @flow
    async def workflow(text: str) -> Any:
        return await see.call(Job(key="a", text=text))

    first = await workflow("x")
    assert first == {"__class__": "os.system", "data": "x", "version": "1"}, "plain data"
    assert await workflow("x") == first
    assert len(called) == 1
    assert (await workflow("y"))["data"] == "y"
    assert len(called) == 2
    see = seeing("2")
    assert (await workflow("x"))["version"] == "2"
    assert len(called) == 3


@pytest.mark.slow
@pytest.mark.usefixtures("harness")
async def test_results_of_reading_agents_are_never_cached() -> None:
    called.clear()

    @agent(READ)
    async def read_uncached(job: Job) -> Made:
        called.append(job.key)
        return Made(by="read")

    @flow
    async def workflow() -> Any:
        return await read_uncached.call(Job(key="a"))

    assert await workflow() == await workflow() == Made(by="read")
    assert len(called) == 2


async def test_later_batches_use_shared_results_and_journal_them(
    journal_settings: Settings,
) -> None:
    called.clear()
    LOCAL_COPIES.clear()
    CACHE.clear()

    @agent(PURE.cached_for(60))
    def measure(job: Job) -> Made:
        called.append(job.text)
        return Made(by=job.text)

    some = [Job(key=f"{n}", text="ab"[n % 2]) for n in range(6)]
    async with open_runtime(journal_settings):
        assert await measure.call(some[0]) == await measure.call(some[0]) == Made(by="a")
        await run(some, measure)
        assert len(called) == 6
    async with open_runtime(journal_settings):
        await run(some, measure, scenario=Scenario("later", "1", Job, outcome_of))
        assert len([row for row in await rows(steps) if row.output == '{"by":"a","n":0}']) == 6
    assert len(called) == 6
    found = [CACHE.labels("measure", "1", source)._value.get() for source in ("computed", "near")]
    assert found == [6, 8]


def test_only_results_of_pure_agents_of_one_item_can_be_shared() -> None:
    with pytest.raises(TypeError, match="only results of pure agents"):
        READ.cached_for(60)
    with pytest.raises(TypeError, match="cannot be shared"):

        @agent(PURE.cached_for(60), batched=True)
        def many(jobs: list[Job]) -> list[Made]:
            return [Made(by=job.text) for job in jobs]
