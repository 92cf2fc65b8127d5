"""Runs of returns are killed; the money of each return is paid once, and the customer hears of it once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.campaign import Baseline, CellRunner, record_baseline
from tests.faults.cells import parse_cell
from tests.faults.environment import open_environment, open_journals
from tests.faults.fork_client import open_fork_server
from tests.faults.mutation import mutants, run_mutant
from tests.faults.return_workload import new_returns

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("faults"),
    pytest.mark.asyncio(loop_scope="module"),
]

CELLS = (
    "called:refund_return@1",
    "called:charge_exchange@1+called:charge_exchange@2",
    "called:restock_return@1+called:book_exchange@3",
    *(
        pytest.param(cell, marks=pytest.mark.campaign)
        for cell in (
            "intended:refund_return@1+called:refund_return@2",
            "written:refund_return@1",
            "written:charge_exchange@1+written:charge_exchange@4",
            "zombie=called:refund_return@1",
            "zombie=called:charge_exchange@4",
            "zombie=called:book_exchange@4",
            "intended:restock_return@1+written:hold_exchange@1",
            "intended:book_exchange@1+called:issue_exchange@1",
            "term=called:refund_return@1",
            *(f"random={n}" for n in range(5)),
        )
    ),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runner() -> AsyncIterator[CellRunner]:
    async with (
        open_journals("sqlite") as journals,
        open_environment(journals) as environment,
        open_fork_server(preload=("tests.faults.returning",)) as fork_server,
    ):
        recorded = await record_baseline(fork_server, environment, new_returns)
        assert recorded.violations == []
        yield CellRunner(fork_server, environment, Baseline(1, recorded.seconds), new_returns)


@pytest.mark.parametrize("cell", CELLS)
async def test_a_return_is_paid_once_after_every_fault(runner: CellRunner, cell: str) -> None:
    result = await runner.run_cell(parse_cell(cell))
    assert result.violations == []
    assert result.last_fault_at is not None or cell.startswith("term=")  # which ends in good order


@pytest.mark.campaign
@pytest.mark.parametrize("name", ["refunded-anew", "restocked-anew", "sent-anew"])
async def test_what_is_made_anew_is_caught(name: str) -> None:
    (mutant,) = [mutant for mutant in mutants() if mutant.name == name]
    result = await asyncio.to_thread(run_mutant, mutant)
    assert result.caught, result.by
