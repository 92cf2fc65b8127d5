"""`@agent` makes a function a Prefect task that takes a batch through the journal."""

import pytest
from prefect import Task
from prefect.cache_policies import NO_CACHE

from agents.runtime.execution.agent import AGENTS
from agents.runtime.execution.decorator import agent
from agents.runtime.model.policies import PURE
from tests.agents.runtime.jobs import Job, Made, Provider, batch_of, effect_of, jobs


def test_an_agent_is_a_task_that_persists_no_result() -> None:
    @agent(PURE, version="3")
    def look_closely(_job: Job) -> Made:
        """Look at it."""
        return Made(by="look")

    task = look_closely.task
    assert isinstance(task, Task)
    assert (look_closely.name, look_closely.version) == ("look_closely", "3")
    assert (task.name, task.version, task.description) == ("look_closely", "3", "Look at it.")
    assert task.task_run_name == "look-closely: {batch}"
    assert task.cache_policy == NO_CACHE
    assert task.persist_result is False
    assert AGENTS["look_closely"] is look_closely


@pytest.mark.usefixtures("opened")
async def test_async_and_plain_functions_are_both_agents(provider: Provider) -> None:
    @agent(PURE)
    def see(job: Job) -> Made:
        return Made(by="see", n=job.n)

    batch = await effect_of(provider)(await see(await batch_of(jobs(2))))
    assert [item.fact(Made) for item in batch.peek()] == [
        Made(by="make", n=0),
        Made(by="make", n=1),
    ]
