"""Processes that hold resources are killed, stopped or cut off: others get their turn, and nothing leaks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.faults.campaign import Baseline, CellResult, CellRunner, record_baseline
from tests.faults.cells import parse_cell
from tests.faults.environment import Kind, open_environment, open_journals
from tests.faults.fork_client import open_fork_server
from tests.faults.mutation import Mutant, mutants, run_mutant
from tests.faults.task_workload import new_tasks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("resource-faults"),
    pytest.mark.asyncio(loop_scope="module"),
]
RunCell = Callable[[str, Kind], Awaitable[CellResult]]

LEASE = 2.0
FEW = ("called:run_task@2", "zombie=called:run_task@2")
MORE = (
    "took:run_task@1",
    "took:run_task@3+called:run_task@1",
    "written:run_task@2+ending@1",
    "written:run_task@1",
    "zombie=took:run_task@2",
    "zombie=called:run_task@1/called:run_task@2",
    "term=called:run_task@2",
    "term+kill=called:run_task@1",
    "parallel=1",
    "random=1",
    "random=2",
    "clock=1",
    "clock=2",
)
CAMPAIGN: dict[Kind, tuple[str, ...]] = {
    "sqlite": (*MORE, "full=200"),
    "postgresql": (*FEW, *MORE, "commit=9", "commit=14", "restart=1", "restart=2"),
}
UNDISTURBED = {"duplicate=", "clock=1", "clock=2", "restart=1", "restart=2"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def run_cell() -> AsyncIterator[RunCell]:
    """A function that runs a cell of tasks with resources on a journal of that kind."""
    runners: dict[Kind, CellRunner] = {}
    async with AsyncExitStack() as stack:
        opened = open_fork_server(preload=("flows.workflow_file",))
        fork_server = await stack.enter_async_context(opened)

        async def run(name: str, kind: Kind) -> CellResult:
            if kind not in runners:
                journals = await stack.enter_async_context(open_journals(kind))
                environment = await stack.enter_async_context(open_environment(journals))
                recorded = await record_baseline(fork_server, environment, new_tasks)
                assert recorded.violations == []
                baseline = Baseline(1, recorded.seconds, LEASE)
                runners[kind] = CellRunner(fork_server, environment, baseline, new_tasks)
            return await runners[kind].run_cell(parse_cell(name))

        yield run


@pytest.mark.parametrize("cell", [FEW[0], pytest.param(FEW[1], marks=pytest.mark.campaign)])
async def test_others_get_what_a_killed_or_stopped_process_held(
    run_cell: RunCell, cell: str
) -> None:
    result = await run_cell(cell, "sqlite")
    assert result.violations == []
    assert result.faulted


@pytest.mark.campaign
@pytest.mark.parametrize(
    "mutant", [one for one in mutants() if one.workload == "tasks"], ids=lambda mutant: mutant.name
)
async def test_broken_resources_are_caught(mutant: Mutant) -> None:
    result = await asyncio.to_thread(run_mutant, mutant)
    assert result.caught, result.by


@pytest.mark.campaign
@pytest.mark.parametrize(
    "kind,cell", [(kind, one) for kind, all_ in CAMPAIGN.items() for one in all_]
)
async def test_nothing_leaks_whatever_happens_to_who_holds_it(
    run_cell: RunCell, kind: Kind, cell: str
) -> None:
    result = await run_cell(cell, kind)
    assert result.violations == []
    assert result.last_fault_at is not None or cell in UNDISTURBED
