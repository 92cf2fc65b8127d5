"""The same schedules by the real runtime: journal, queue, consumers, and tasks that wait as scaled.

python -m tests.benchmarks.scheduling.real_runs [--traces FILE] [--quick]; the last line is one JSON object. A task's
seconds are scaled so that a run takes a few seconds. Beside what the task waits, the runtime needs time
for it: that is measured by tasks which wait equally long, and the simulation adds it to every task.
"""

import argparse
import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from sqlalchemy import func, select

from agents.runtime import runtime
from agents.runtime.intake.consumer import Consumer, ConsumerOptions
from agents.runtime.journal.dependencies import accept_linked
from agents.runtime.journal.order import PAUSE
from agents.runtime.journal.schema import items, steps
from agents.runtime.journal.submit import NewItem, Sender
from agents.runtime.model.forecast import Expected, Forecast
from agents.runtime.model.scenario import hash_of
from agents.runtime.trace_context import new_trace
from agents.tasks.models import Workflow as WorkflowFile
from agents.tasks.models import WorkflowTask
from agents.tasks.read import check
from agents.tasks.run import open_run
from agents.tasks.scenario import TASKS
from agents.workflow.records import canonical
from flows.workflow_file import run_tasks
from tests.benchmarks.machine import tell
from tests.benchmarks.scheduling import arrivals
from tests.benchmarks.scheduling.forecasts import OF_ONE, learned
from tests.benchmarks.scheduling.makespan import keys
from tests.benchmarks.scheduling.simulation import run
from tests.benchmarks.scheduling.traces import Workflow, workflows

WORKERS = 4
FEWEST, MOST = 20, 70  # tasks of a workflow that is run
SAMPLE, MAKESPAN = 6, 15.0  # workflows, and the seconds that each should take
MEASURED = 40  # tasks that show what the runtime needs for one
ARRIVALS, MEAN = 150, 0.5  # tasks that arrive, and their mean seconds
LONGEST = 20.0  # times the mean: with few tasks, one that is longer would be all that counts


@dataclass(frozen=True, slots=True)
class Pair:
    """Seconds that were simulated, and those that the runtime took."""

    simulated: float
    real: float

    @property
    def ratio(self) -> float:
        """What the runtime took over what was simulated."""
        return self.real / self.simulated


async def makespan_of(
    workflow: Workflow, expected: Sequence[float], scale: float, workers: int = WORKERS
) -> float:
    """Seconds from the first start to the last end, by the journal."""
    async with open_run(_file(workflow, expected, scale)) as opened:
        await opened.accept()
        await opened.work(run_tasks, workers, 1)
        query = select(func.max(steps.c.at) - func.min(steps.c.started_at))
        async with runtime().journal.database.read() as connection:
            mine = items.c.key.like(f"{_name(workflow)}/%")
            seconds = await connection.scalar(query.join_from(steps, items).where(mine))
    return float(seconds or 0.0)


def _file(workflow: Workflow, expected: Sequence[float], scale: float) -> WorkflowFile:
    tasks = [
        {"id": str(task), "seconds": seconds * scale, "expected": forecast * scale}
        | {"needs": [str(parent) for parent in workflow.parents[task]]}
        for task, (seconds, forecast) in enumerate(zip(workflow.seconds, expected, strict=True))
    ]
    return check({"name": _name(workflow), "tasks": tasks})


def _name(workflow: Workflow) -> str:
    return workflow.name.replace("/", ":").removesuffix(".json")


async def overhead(workers: int) -> float:
    """What the runtime needs for one task beside its seconds, while all workers are busy."""
    numbers = random.Random(workers)
    seconds = [numbers.uniform(0.2, 0.6) for _ in range(MEASURED)]
    plain = Workflow(f"plain{workers}", ["plain"] * MEASURED, [[]] * MEASURED, seconds)
    real = await makespan_of(plain, seconds, 1.0, workers)
    simulated = run(plain, workers, keys(plain, seconds)).makespan
    return (real - simulated) * workers / MEASURED


def sample(found: Sequence[Workflow], most: int) -> list[Workflow]:
    """The smallest workflow of each family that has enough tasks."""
    fitting = [one for one in found if FEWEST <= len(one.seconds) <= MOST]
    smallest: dict[str, Workflow] = {}
    for one in sorted(fitting, key=lambda one: len(one.seconds)):
        smallest.setdefault(one.family, one)
    return list(smallest.values())[:most]


async def makespans(found: Sequence[Workflow], most: int) -> tuple[float, dict[str, Pair]]:
    """What the runtime needs for a task, and both makespans of each workflow of the sample."""
    expected, extra, pairs = learned(found), await overhead(WORKERS), dict[str, Pair]()
    for one in sample(found, most):
        order = keys(one, expected[one.name])
        scale = MAKESPAN / run(one, WORKERS, order).makespan
        slower = replace(one, seconds=[seconds * scale + extra for seconds in one.seconds])
        simulated = run(slower, WORKERS, order).makespan
        pairs[one.name] = Pair(simulated, await makespan_of(one, expected[one.name], scale))
    return extra, pairs


async def waits(found: arrivals.Arrivals, name: str, *, forecast: bool) -> list[float]:
    """What each task waits in the real queue, with forecasts or first in, first out."""
    async with open_run(check({"name": name, "tasks": [{"id": "0"}]})):
        come = asyncio.Event()
        options = ConsumerOptions(1, at_once=arrivals.SERVERS, batches=2**31, idle=5.0)
        consumer = Consumer(TASKS, run_tasks, lambda seconds: _wait(come, seconds), options)
        async with asyncio.TaskGroup() as group:
            group.create_task(consumer.consume())
            await _submit(found, name, come, forecast=forecast)
        async with runtime().journal.database.read() as connection:
            query = select((steps.c.started_at - items.c.accepted_at).label("waited"))
            mine = items.c.key.like(f"{name}/%")
            rows: Sequence[Any] = (
                await connection.execute(
                    query.join_from(steps, items).where(mine).order_by(items.c.id)
                )
            ).all()
    assert len(rows) == len(found.at), len(rows)
    return [max(0.0, row.waited) for row in rows]


async def _wait(come: asyncio.Event, seconds: float) -> None:
    come.clear()
    try:
        async with asyncio.timeout(seconds):
            await come.wait()
    except TimeoutError:
        return


async def _submit(
    found: arrivals.Arrivals, name: str, come: asyncio.Event, *, forecast: bool
) -> None:
    here = runtime()
    sender, begun = Sender.of(here.journal.tenant, TASKS), time.monotonic()
    for task, at in enumerate(found.at):
        await asyncio.sleep(max(0.0, begun + at - time.monotonic()))
        stored = WorkflowTask(
            workflow=name, id=str(task), seconds=found.seconds[task], resources={}
        )
        new = _new(stored, found.expected[task] if forecast else None)
        await accept_linked(here.journal.database, sender, [new], {})
        come.set()


def _new(task: WorkflowTask, expected: float | None) -> NewItem:
    body = canonical(task)
    new = NewItem(task.key, body, hash_of(body), new_trace())
    if expected is None:
        return new
    total = Expected(expected, expected, expected)
    return replace(new, forecast=Forecast(total, {"run_task": total}, "measured", expected))


async def mean_waits(found: Sequence[Workflow], count: int) -> dict[str, Pair]:
    """The mean wait first in, first out and in the product's order, in a queue that has no history."""
    expected = learned(found, places=False, seconds=OF_ONE)
    tasks = [pair for one in found for pair in zip(one.seconds, expected[one.name], strict=True)]
    drawn = _scaled(arrivals.arrivals([pair for pair in tasks if pair[0] > 0], count, seed=1))
    real = {
        "fifo": await waits(drawn, "fifo", forecast=False),
        "order": await waits(drawn, "order", forecast=True),
    }
    extra = await overhead(arrivals.SERVERS)
    slower = replace(drawn, seconds=[seconds + extra for seconds in drawn.seconds])
    in_a_judgement = round(PAUSE * len(drawn.at) / drawn.at[-1])
    rules: dict[str, arrivals.Rule] = {
        "fifo": arrivals.FirstIn(),
        "order": arrivals.Product(max(1, in_a_judgement)),
    }
    return {
        name: Pair(fmean(arrivals.waits(slower, rule)), fmean(real[name]))
        for name, rule in rules.items()
    }


def _scaled(found: arrivals.Arrivals) -> arrivals.Arrivals:
    """The same with a mean of MEAN seconds, at the same load."""
    middle = fmean(found.seconds)
    seconds = [min(one, LONGEST * middle) for one in found.seconds]
    scale = MEAN / fmean(seconds)
    pace = MEAN / middle
    return arrivals.Arrivals(
        [at * pace for at in found.at],
        [one * scale for one in seconds],
        [min(one, LONGEST * middle) * scale for one in found.expected],
    )


async def measure(found: Sequence[Workflow], *, quick: bool) -> dict[str, Any]:
    """Both samples."""
    waited = await mean_waits(found, ARRIVALS // 4 if quick else ARRIVALS)
    extra, made = await makespans(found, 2 if quick else SAMPLE)
    ratios = [one.ratio for one in (*made.values(), *waited.values())]
    return {
        "seconds_for_a_task": round(extra, 4),
        "makespan_over_simulated": {name: round(one.ratio, 3) for name, one in made.items()},
        "mean_wait_over_simulated": {name: round(one.ratio, 3) for name, one in waited.items()},
        "order_over_fifo": {
            "real": round(waited["order"].real / waited["fifo"].real, 3),
            "simulated": round(waited["order"].simulated / waited["fifo"].simulated, 3),
        },
        "within_10_percent": all(0.9 <= one <= 1.1 for one in ratios),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--traces", type=Path)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    tell(asyncio.run(measure(workflows(given.traces)[0], quick=given.quick)))
