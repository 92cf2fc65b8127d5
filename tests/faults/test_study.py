"""Runs of data analysis die, and the next makes what one that was left alone makes, to the byte."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from agents.analysis.models import Dataset, Part
from agents.analysis.study_store import write_whole
from tests.faults.campaign import Player, Quiet, recorded
from tests.faults.cells import parse_cell
from tests.faults.client import open_nursery
from tests.faults.ground import Ground, open_ground, open_journals
from tests.faults.judge import Case
from tests.faults.sabotage import Mutant, mutants, sabotage
from tests.faults.study import NAME, PARTS, new_study

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("study-faults"),
    pytest.mark.asyncio(loop_scope="module"),
]

campaign = pytest.mark.campaign
CELLS = (
    "called:clean_partition@1+called:weigh_candidates@1",
    *(
        pytest.param(cell, marks=campaign)
        for cell in (
            "accepted@1",
            "written:collect_partition@1+called:train_candidate@1",
            "written:clean_partition@2+written:weigh_candidates@1",
            "zombie=called:clean_partition@1",
            "term=called:train_candidate@1",
            "twins=",
            "random=1",
        )
    ),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground() -> AsyncIterator[Ground]:
    async with open_journals("sqlite") as journals, open_ground(journals) as ground:
        yield ground


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def player(ground: Ground) -> AsyncIterator[Player]:
    async with open_nursery(preload=("flows.data_analysis",)) as nursery:
        quiet = await recorded(nursery, ground, new_study)
        assert quiet.breaches == []
        yield Player(nursery, ground, Quiet(1, quiet.seconds, 2.0), new_study)


@pytest.mark.parametrize("cell", CELLS)
async def test_whatever_dies_the_same_comes_out(player: Player, cell: str) -> None:
    played = await player.play(parse_cell(cell))
    assert played.breaches == []
    assert played.last_blow is not None or cell == "twins="


async def test_the_judge_sees_what_is_missing_or_half_there(player: Player, ground: Ground) -> None:
    async with ground.plot() as (folder, url):
        scene = new_study(folder, ground.data, url)
        missing = Part(source=NAME, name="part-0", file="clean/gone", rows=1, sha256="0" * 64)
        dataset = Dataset(study=NAME, folder=folder, parts=(missing,))
        manifest = folder / "data" / "analysis" / NAME / "dataset.json"
        await asyncio.to_thread(write_whole, manifest, dataset)

        breaches = await scene.judge(Case({}, set()))

        assert {breach.split()[0] for breach in breaches} == {"I11"}
        assert f"I11 1 of {PARTS} parts are published" in breaches
        assert "I11 part part-0 is published and not there" in breaches
        assert "I11 report.html is not what an undisturbed run makes" in breaches


@campaign
@pytest.mark.parametrize(
    "mutant", [one for one in mutants() if one.study], ids=lambda mutant: mutant.name
)
async def test_a_broken_study_is_caught(mutant: Mutant) -> None:
    judged = await asyncio.to_thread(sabotage, mutant)
    assert judged.caught, judged.by
