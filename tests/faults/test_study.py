"""Runs of data analysis are killed; the next run makes the same files as a run without faults."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from agents.analysis.models import Dataset, Part
from agents.runtime.files import write_whole
from tests.faults.campaign import Baseline, CellRunner, record_baseline
from tests.faults.cells import parse_cell
from tests.faults.checker import Expectation
from tests.faults.environment import Environment, open_environment, open_journals
from tests.faults.fork_client import open_fork_server
from tests.faults.mutation import Mutant, mutants, run_mutant
from tests.faults.study_workload import NAME, PARTS, new_study

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("study-faults"),
    pytest.mark.asyncio(loop_scope="module"),
]

campaign = pytest.mark.campaign
CELLS = (
    "called:select_model@1",
    *(
        pytest.param(cell, marks=campaign)
        for cell in (
            "called:clean_partition@1+called:select_model@1",
            "accepted@1",
            "described@1",
            "published@1",
            "called:collect_partition@1+called:train_candidate@1",
            "called:clean_partition@2+called:select_model@1",
            "zombie=called:clean_partition@1",
            "term=called:train_candidate@1",
            "duplicate=",
            "random=1",
        )
    ),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def environment() -> AsyncIterator[Environment]:
    async with open_journals("sqlite") as journals, open_environment(journals) as environment:
        yield environment


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runner(environment: Environment) -> AsyncIterator[CellRunner]:
    async with open_fork_server(preload=("flows.data_analysis",)) as fork_server:
        recorded = await record_baseline(fork_server, environment, new_study)
        assert recorded.violations == []
        yield CellRunner(fork_server, environment, Baseline(1, recorded.seconds, 2.0), new_study)


@pytest.mark.parametrize("cell", CELLS)
async def test_the_files_are_the_same_after_every_fault(runner: CellRunner, cell: str) -> None:
    result = await runner.run_cell(parse_cell(cell))
    assert result.violations == []
    assert result.last_fault_at is not None or cell == "duplicate="


async def test_the_check_finds_missing_and_incomplete_files(
    runner: CellRunner, environment: Environment
) -> None:
    async with environment.cell_folder() as (folder, url):
        workload = new_study(folder, environment.data, url)
        missing = Part(source=NAME, name="part-0", file="clean/gone", rows=1, sha256="0" * 64)
        dataset = Dataset(study=NAME, folder=folder, parts=(missing,))
        manifest = folder / "data" / "analysis" / NAME / "dataset.json"
        await asyncio.to_thread(write_whole, manifest, dataset)

        violations = await workload.check(Expectation({}, set()))

        assert {violation.split()[0] for violation in violations} == {"I11"}
        assert f"I11 1 of {PARTS} parts are published" in violations
        assert "I11 part part-0 is published, and its file is missing" in violations
        assert "I11 report.html differs from a run without faults" in violations


@campaign
@pytest.mark.parametrize(
    "mutant", [one for one in mutants() if one.workload == "study"], ids=lambda mutant: mutant.name
)
async def test_a_broken_study_is_caught(mutant: Mutant) -> None:
    result = await asyncio.to_thread(run_mutant, mutant)
    assert result.caught, result.by
