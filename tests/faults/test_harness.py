"""Cells can be written and read again, and each mutant fits the source."""

from random import Random

import pytest

from agents.runtime.settings import ROOT
from tests.faults.cells import Cell, across_releases, alone, cancelled, moments, paired, parse_cell
from tests.faults.mutation import Mutant, applies, mutants, next_release


def test_a_written_cell_is_read_as_the_same_cell() -> None:
    hits = {"accepted": 2, "called:pay": 5, "request": 2}
    cells = [
        *alone(hits),
        *cancelled(hits),
        Cell("random", number=17),
        Cell("random", number=17, queue=True),
        Cell("random", number=17, cancel=True, spent=True),
        Cell("parallel", number=3),
        Cell("zombie", (("ending", 1), ("ending", 3))),
        Cell("duplicate"),
        Cell("commit", number=7),
        Cell("clock", number=2),
        Cell("term+kill", (("called:pay", 1),)),
        *across_releases(hits),
        Cell("interrupt", (("called:pay", 2),)),
    ]
    assert [parse_cell(str(cell)) for cell in cells] == cells


def test_each_point_has_a_cell_at_its_first_second_and_last_hit() -> None:
    assert [str(cell) for cell in alone({"a": 1, "b": 2, "c": 7})] == [
        *("a@1", "b@1", "b@2"),
        *("c@1", "c@2", "c@7"),
    ]


def test_a_seed_gives_the_same_pairs_and_moments() -> None:
    hits = dict.fromkeys("abcdef", 1)
    assert paired(hits, Random(3), 9) == paired(hits, Random(3), 9)
    assert len(paired(hits, Random(3), 1_000)) == 36
    assert moments(1, 2, 0.5) == moments(1, 2, 0.5)
    assert moments(1, 2, 0.5) != moments(2, 2, 0.5)


@pytest.mark.parametrize("mutant", mutants(), ids=lambda mutant: mutant.name)
def test_every_mutant_fits_the_source(mutant: Mutant) -> None:
    assert mutant.cells or mutant.tests
    assert all((ROOT / one.partition("::")[0]).exists() for one in mutant.tests)
    assert applies(mutant, ROOT)


def test_there_are_enough_mutants() -> None:
    assert len(mutants()) >= 8


async def test_the_next_release_fits_the_source() -> None:
    async with next_release() as tree:
        changed = (tree / "agents" / "orders" / "scenario.py").read_text("utf-8")
    assert 'version="1.1"' in changed
