"""Quick batches share a task run of Prefect; others have one for each step."""

import asyncio
from collections import Counter
from contextvars import ContextVar
from typing import Any
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import TaskRun
from prefect.runtime import flow_run

from agents.runtime.execution import rolling as rolling_runs
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.rolling import rolling
from agents.runtime.execution.saga import saga
from agents.runtime.journal.schema import steps
from agents.runtime.model.batch import Batch
from agents.runtime.model.policies import PURE
from tests.agents.runtime.jobs import Job, Made, batch_of, jobs, rows, states, until

ON_SQLITE = pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
asked: ContextVar[str] = ContextVar("asked")


@agent(PURE)
def glance(job: Job) -> Made:
    return Made(by=asked.get("nobody"), n=job.n)


async def take(batch: Batch) -> None:
    async with saga(batch):
        await glance(batch)


async def refuse(_batch: Batch) -> None:
    raise RuntimeError("no")


def some(first: int, count: int) -> list[Job]:
    return jobs(first + count)[first:]


async def recorded(flow_id: UUID, count: int) -> list[TaskRun]:
    this, found = FlowRunFilter(id=FlowRunFilterId(any_=[flow_id])), list[TaskRun]()
    async with get_client() as client:

        async def ended() -> bool:
            found[:] = await client.read_task_runs(flow_run_filter=this)
            return len(found) == count and all(run.state and run.state.is_final() for run in found)

        await until(ended, seconds=60)
    return found


@pytest.mark.usefixtures("opened")
async def test_without_a_flow_run_batches_are_only_processed() -> None:
    async with rolling("all steps", take, few=8, ahead=True) as process:
        await process(await batch_of(jobs(2)))
    assert set((await states()).values()) == {"completed"}


@ON_SQLITE
@pytest.mark.slow
@pytest.mark.usefixtures("harness", "opened")
async def test_quick_batches_share_a_task_run_and_see_what_their_caller_has_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rolling_runs, "QUICK_SECONDS", 60.0)  # whatever the machine takes

    @flow(persist_result=False)
    async def workflow() -> Any:
        async with rolling("all steps", take, few=8, ahead=True) as process:
            asked.set("caller")
            first = [await batch_of(some(n, 1)) for n in range(3)]
            await asyncio.gather(*map(process, first))
            await process(await batch_of(some(3, 20)))  # by the pace of those before
        return flow_run.id

    (shared,) = await recorded(await workflow(), 1)
    assert shared.name == "all steps"
    assert shared.state is not None
    assert shared.state.message == "4 batches; items by step: glance 23"
    assert Counter((await states()).values()) == {"completed": 23}
    assert all('"caller"' in row.output for row in await rows(steps))


@ON_SQLITE
@pytest.mark.slow
@pytest.mark.usefixtures("harness", "opened")
async def test_runs_roll_and_slow_batches_have_a_run_for_each_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rolling_runs, "OPEN_SECONDS", 0.0)
    monkeypatch.setattr(rolling_runs, "QUICK_SECONDS", 0.0)

    @flow(persist_result=False)
    async def workflow() -> Any:
        async with rolling("all steps", take, few=2) as process:
            for first in (0, 2):
                await process(await batch_of(some(first, 2)))
            await process(await batch_of(some(4, 3)))
        return flow_run.id

    found = await recorded(await workflow(), 3)
    assert sorted(run.name for run in found) == ["all steps", "all steps", "glance: 3 items"]


@ON_SQLITE
@pytest.mark.slow
@pytest.mark.usefixtures("harness", "opened")
async def test_an_error_reaches_the_caller_and_fails_the_run() -> None:
    flow_id = None

    @flow(persist_result=False)
    async def workflow() -> None:
        nonlocal flow_id
        flow_id = flow_run.id
        async with rolling("all steps", refuse, few=8) as process:
            with pytest.raises(RuntimeError, match="no"):
                await process(await batch_of(jobs(1)))

    await workflow()
    assert flow_id is not None
    (shared,) = await recorded(UUID(str(flow_id)), 1)
    assert shared.state is not None
    assert shared.state.is_failed()
