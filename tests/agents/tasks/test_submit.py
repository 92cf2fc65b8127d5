"""Tasks are accepted with forecasts: declared ones, else learned ones, and not in their order if wrong."""

from typing import Any

import pytest
from sqlalchemy import update

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.forecaster import Promoted
from agents.runtime.journal.schema import items, queues
from agents.runtime.model.forecast import Expected
from agents.runtime.scheduling.features import Example, features
from agents.runtime.scheduling.forecasting import fit
from agents.runtime.settings import settings
from agents.tasks.models import Workflow, WorkflowTask
from agents.tasks.read import check
from agents.tasks.run_task import run_task
from agents.tasks.scenario import TASKS
from agents.tasks.submit import DECLARED, new_items
from tests.agents.runtime.jobs import rows
from tests.agents.tasks.running import run, workflow_of

pytestmark = pytest.mark.usefixtures("environment")


def made(*tasks: dict[str, Any], name: str = "night") -> Workflow:
    return check({"name": name, "tasks": tasks})


def learned(opened: Runtime, seconds: dict[str, float]) -> None:
    """Let the runtime forecast from tasks of earlier runs, by their ids."""
    examples = []
    for number, (task, taken) in enumerate(seconds.items()):
        stored = WorkflowTask(workflow="night-1", id=task, resources={})
        here = features(TASKS.name, declared=TASKS.features(stored))
        examples += [Example(here, run_task.name, taken, number, 10 * number + n) for n in range(5)]
    opened.forecaster.durations.model, opened.forecaster.durations.version = fit(examples), "m1"


async def test_what_a_file_does_not_declare_is_learned_from_tasks_of_the_same_name() -> None:
    workflow = made(
        {"id": "short-7"}, {"id": "long-7"}, {"id": "said", "seconds": 60}, name="night-2"
    )
    async with open_runtime(settings()) as opened:
        learned(opened, {"short-1": 1.0, "long-1": 100.0})
        found = {item.key: item.forecast for item in await new_items(opened.journal, workflow)}
    assert [key.removeprefix("night-2/") for key in found] == ["long-7", "said", "short-7"]
    models = {key: one.model for key, one in found.items() if one}
    assert models == {"night-2/long-7": "m1", "night-2/said": DECLARED, "night-2/short-7": "m1"}


async def test_costs_are_learned_where_a_file_declares_what_a_task_takes() -> None:
    workflow = made({"id": "said", "seconds": 60, "resources": {"tokens": 900}}, name="night-2")
    stored = WorkflowTask(workflow="night-1", id="said", seconds=60, resources={"tokens": 900})
    here = features(TASKS.name, declared=TASKS.features(stored))
    async with open_runtime(settings()) as opened:
        promoted = opened.forecaster.costs["tokens"] = Promoted(None)
        examples = [Example(here, run_task.name, 400.0, float(n), n) for n in range(5)]
        promoted.model, promoted.version = fit(examples), "c1"
        (item,) = await new_items(opened.journal, workflow)
    assert item.forecast is not None
    assert (item.forecast.model, item.forecast.total) == (DECLARED, Expected(60, 60, 60))
    cost = item.forecast.costs["tokens"]
    assert cost.model == "c1"
    assert cost.total is not None
    assert cost.total.p50 == pytest.approx(400, rel=0.03)


async def test_after_wrong_forecasts_tasks_are_in_the_order_of_the_file() -> None:
    workflow = made({"id": "a", "seconds": 1}, {"id": "b", "seconds": 5})
    await run(made({"id": "first"}))  # the queue is known now
    async with open_runtime(settings()) as opened:
        assert [item.key for item in await new_items(opened.journal, workflow)] == [
            "night/b",
            "night/a",
        ]
        async with opened.journal.database.write() as connection:
            await connection.execute(update(queues).values(concordance=0.4))
        assert [item.key for item in await new_items(opened.journal, workflow)] == [
            "night/a",
            "night/b",
        ]


async def test_tasks_whose_chains_hardly_differ_are_equal_and_earlier_workflows_go_first() -> None:
    tasks = [{"id": "a", "seconds": 100}, {"id": "b", "seconds": 100.5}, {"id": "c", "seconds": 50}]
    async with open_runtime(settings()) as opened:
        earlier = [item.precedence or 0 for item in await new_items(opened.journal, made(*tasks))]
        later = [item.precedence or 0 for item in await new_items(opened.journal, made(*tasks))]
    assert earlier[0] == earlier[1]
    assert earlier[2] == pytest.approx(earlier[1] + 50, abs=2)
    assert later[0] > earlier[0]


async def test_of_equal_tasks_the_one_that_became_ready_first_precedes() -> None:
    await run(workflow_of({"later": ["a"], "a": [], "at-once": []}))
    async with open_runtime(settings()):
        precedence = {row.key.removeprefix("w/"): row.precedence or 0 for row in await rows(items)}
    assert precedence["a"] < precedence["at-once"] < precedence["later"] < precedence["a"] + 2
