"""The start of a command is measured on real ones."""

from pathlib import Path

import pytest

from tests.benchmarks.test_orchestration import answered


@pytest.mark.campaign
def test_a_second_run_uses_what_the_first_one_started(tmp_path: Path) -> None:
    measured = answered("command_start", tmp_path, "--rounds", 1)
    assert measured["seconds"]["second"] < measured["seconds"]["first"] / 2
