"""A run takes tasks in the order of their needs, several at once, and can be repeated."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from agents.runtime import PermanentError
from agents.runtime.context import open_runtime
from agents.runtime.errors import Conflict
from agents.runtime.journal.capacity_admin import CapacitySetting, set_capacity
from agents.runtime.settings import settings
from agents.tasks import run_task
from agents.tasks.models import WorkflowTask
from agents.tasks.read import BadWorkflow
from agents.tasks.run_task import TaskDone, wait
from agents.tasks.submit import new_items
from tests.agents.runtime.journal.linked import needing, random_graph
from tests.agents.tasks.running import claims, run, stand, words, workflow_of

pytestmark = pytest.mark.usefixtures("environment")
DIAMOND = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}


class Broken(PermanentError):
    """The task can never be done."""


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Tasks that fail for good, by id."""
    found: set[str] = set()

    async def fail(task: WorkflowTask) -> TaskDone:
        if task.id in found:
            raise Broken
        return await wait(task)

    kinds: dict[str, Callable[[WorkflowTask], Awaitable[TaskDone]]] = {"wait": fail}
    monkeypatch.setattr(run_task, "KINDS", kinds)
    return found


@pytest.mark.parametrize("seed, size", [(1, 1), (2, 16)])
async def test_a_random_workflow_runs_in_order(seed: int, size: int) -> None:
    graph = random_graph(Random(seed), 30)
    report = await run(workflow_of(graph), size=size)
    assert report.outcomes == {"done": 30}
    assert report.status() == 0
    order = [key.removeprefix("w/") for key in await claims()]
    assert all(order.index(n) < order.index(key) for key, needs in graph.items() for n in needs)


async def test_independent_tasks_run_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits for all others, so a worker that took them in turn would never end."""
    everybody = asyncio.Barrier(8)

    async def meet(_task: WorkflowTask) -> TaskDone:
        await everybody.wait()
        return TaskDone(seconds=0)

    monkeypatch.setattr(run_task, "KINDS", {"wait": meet})
    report = await run(workflow_of({f"t{n}": [] for n in range(8)}), workers=8)
    assert report.outcomes == {"done": 8}


async def test_the_longest_chain_goes_first() -> None:
    graph = {"short": [], "a": [], "b": ["a"], "c": ["b"]}
    async with open_runtime(settings()) as opened:
        new = await new_items(opened.journal, workflow_of(graph))
    assert [item.key for item in new] == ["w/a", "w/b", "w/short", "w/c"]
    await run(workflow_of(graph), workers=1)
    assert (await claims())[0] == "w/a"


async def test_the_same_workflow_again_is_done_already() -> None:
    first = await run(workflow_of(DIAMOND))
    again = await run(workflow_of(DIAMOND))
    assert first.outcomes == again.outcomes == {"done": 4}
    assert len(await claims()) == 4


async def test_a_file_with_further_tasks_adds_them() -> None:
    await run(workflow_of(DIAMOND))
    report = await run(workflow_of(DIAMOND | {"e": ["d"], "f": []}))
    assert report.outcomes == {"done": 6}


async def test_a_changed_task_is_refused_with_the_whole_file() -> None:
    await run(workflow_of({"a": []}))
    with pytest.raises(Conflict, match="'w/a'"):
        await run(workflow_of({"a": [], "b": []}, seconds=0.1))
    assert await words() == {"a": "done"}


async def test_what_needs_a_failed_task_is_cancelled_with_the_reason(broken: set[str]) -> None:
    broken.add("job-002")
    graph = random_graph(Random(5), 20)
    report = await run(workflow_of(graph))
    lost = needing(graph, ["job-002"])
    found = await stand()
    assert {key for key, task in found.items() if task.word == "cancelled"} == lost
    assert {found[key].reason for key in lost} == {"needs w/job-002, which failed"}
    assert report.outcomes == {
        "done": 19 - len(lost),
        "failed": 1,
        "cancelled": len(lost),
    }
    assert report.status() == 1
    assert report.problem() == f"{1 + len(lost)} of 20 tasks of w are not done"


async def test_a_dead_letter_is_named_by_what_waits_for_it() -> None:
    await run(workflow_of({"a": [], "b": ["a"]}, seconds=5, timeout=0.001))
    found = await stand()
    assert found["a"].word == "dead-lettered"
    assert (found["b"].word, found["b"].reason) == ("waits for others", "a (a dead letter)")


async def test_tasks_share_the_resources_that_they_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits for another, and three never meet. What needs more than there is refuses its whole workflow."""
    busy, most, pair = Counter[str](), 0.0, asyncio.Barrier(2)

    async def use(task: WorkflowTask) -> TaskDone:
        nonlocal most
        busy.update(task.resources)
        most = max(most, busy["cpu"])
        await pair.wait()
        busy.subtract(task.resources)
        return TaskDone(seconds=0)

    monkeypatch.setattr(run_task, "KINDS", {"wait": use})
    async with open_runtime(settings()) as opened:
        await set_capacity(opened.journal, CapacitySetting("cpu", 3), "ann", "test")
    workflow = workflow_of({f"t{n}": [] for n in range(6)}, resources={"cpu": 4})
    with pytest.raises(BadWorkflow, match="needs 4 of cpu at once, and there are 3"):
        await run(workflow)
    workflow = workflow_of({f"t{n}": [] for n in range(6)}, resources={"cpu": 1.5})
    assert (await run(workflow, workers=6)).outcomes == {"done": 6}
    assert most == 3
