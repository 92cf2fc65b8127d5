"""The benchmark runs and prints its figures; the figures themselves depend on the machine."""

import shutil
from pathlib import Path

import pytest

from tests.benchmarks.test_orchestration import answered

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")


@needs_wrk
@pytest.mark.campaign
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_every_figure_is_measured_and_nothing_is_lost(tmp_path: Path, database: str) -> None:
    size = ("--seconds", 1, "--rounds", 1, "--requests", 200, "--identical", 500)
    answer = answered("gateway", tmp_path, "--database", database, *size)
    assert answer["single_per_s"].keys() == {"parse", "commit", "grouped", "ours"}
    assert answer["share_of_commit"] > 0
    assert answer["half_load"]["refused"] == answer["slow"]["refused"] == 0
    assert answer["batches"]["orders_per_s"] > 0
    assert answer["identical"] == {"accepted": 500, "different_answers": 1, "orders": 1}
    assert len(answer["memory"]["mb"]) > 1
