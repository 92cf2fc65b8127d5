"""The benchmark runs and prints its figures; the figures themselves depend on the machine."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.benchmarks.dialogue import compared
from tests.benchmarks.test_orchestration import answered
from tests.benchmarks.turns_file import lines_of


def test_turns_a_second_and_our_share() -> None:
    seconds = {
        "ours": [1.0], "langgraph": [5.0], "real_ours": [2.0], "real_langgraph": [4.0],
        "real_bare": [1.0],
    }  # fmt: skip
    answer = compared(seconds, 500, 100)
    assert answer["trivial_times_langgraph"] == 5.0
    assert (answer["real_times_langgraph"], answer["share_of_orchestration"]) == (2.0, 0.5)


def test_the_turns_of_the_file_differ() -> None:
    said = [json.loads(line) for line in lines_of(500)]
    assert len({turn["text"] for turn in said}) == 500
    assert len({turn["conversation"] for turn in said}) == 100


@pytest.mark.campaign
def test_a_file_is_measured_with_the_start_of_its_command(tmp_path: Path) -> None:
    answer = answered("turns_file", tmp_path, "--turns", 10)
    assert answer["file_turns"] == 10
    assert answer["file_s"] > 0


@pytest.mark.campaign
@pytest.mark.skipif(find_spec("langgraph") is None, reason="`uv sync --group peers` installs it")
def test_we_are_measured_beside_langgraph(tmp_path: Path) -> None:
    answer = answered("dialogue", tmp_path, "--turns", 512, "--real", 20, "--rounds", 1)
    assert answer["trivial_turns_per_s"] > 0
    assert answer["real_langgraph_turns_per_s"] > 0
