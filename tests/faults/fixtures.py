"""Fixtures for tests that kill runs: a fork server, and a function that runs cells.

Import them into a test module; its tests share one event loop with them:

    from tests.faults.fixtures import environments, fork_server, run_cell
    pytestmark = pytest.mark.asyncio(loop_scope="module")

    async def test_it(run_cell: RunCell) -> None:
        result = await run_cell("called:capture_payment@1")
        assert not result.violations
"""

from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from typing import Protocol

import pytest_asyncio

from tests.faults.campaign import Baseline, CellResult, CellRunner, record_baseline
from tests.faults.cells import parse_cell
from tests.faults.environment import Environment, Kind, open_environment, open_journals
from tests.faults.fork_client import ForkClient, open_fork_server
from tests.faults.mutation import next_release


class RunCell(Protocol):
    """Runs the cell of that name on a journal of that kind, and checks it."""

    def __call__(self, name: str, journal: Kind = "sqlite", seed: int = 1) -> Awaitable[CellResult]:
        """Return the result with all violations."""
        ...


class OpenEnvironment(Protocol):
    """Opens the environment with journals of that kind, once."""

    def __call__(self, journal: Kind = "sqlite") -> Awaitable[Environment]:
        """Return the environment."""
        ...


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fork_server() -> AsyncIterator[ForkClient]:
    """A fork server of the module."""
    async with open_fork_server() as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def environments() -> AsyncIterator[OpenEnvironment]:
    """A function that opens the sandbox and journals at its first call."""
    opened: dict[Kind, Environment] = {}
    async with AsyncExitStack() as stack:

        async def environment(journal: Kind = "sqlite") -> Environment:
            if journal not in opened:
                journals = await stack.enter_async_context(open_journals(journal))
                opened[journal] = await stack.enter_async_context(open_environment(journals))
            return opened[journal]

        yield environment


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def run_cell(fork_server: ForkClient, environments: OpenEnvironment) -> RunCell:
    """A function that runs a cell and checks it."""
    undisturbed: dict[Kind, float] = {}

    async def run(name: str, journal: Kind = "sqlite", seed: int = 1) -> CellResult:
        environment, cell = await environments(journal), parse_cell(name)
        if journal not in undisturbed:
            undisturbed[journal] = (await record_baseline(fork_server, environment)).seconds
        baseline = Baseline(seed, undisturbed[journal])
        runner = CellRunner(fork_server, environment, baseline)
        async with AsyncExitStack() as stack:
            if cell.release:
                tree = await stack.enter_async_context(next_release())
                next_server = await stack.enter_async_context(open_fork_server(tree))
                runner.next_release = CellRunner(next_server, environment, baseline)
            return await runner.run_cell(cell)

    return run
