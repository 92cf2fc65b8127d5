"""The benchmark of data analysis runs and prints its figures, on a few rows."""

import json
import subprocess
import sys

import pytest

from tests.benchmarks.analysis import larger
from tests.benchmarks.machine import ROOT, ask


@pytest.mark.campaign
def test_it_ends_with_one_json_object() -> None:
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.analysis",
        "--rows",
        "20000",
        "--rounds",
        "1",
        "--requests",
        "64",
        "--large",
        "20000",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["rows"] == 20_000
    assert len(set(answer["good"].values())) == 1  # every way keeps the same rows


@pytest.mark.campaign
def test_memory_does_not_grow_with_the_file() -> None:
    small, whole = larger(2_000_000)
    assert whole["mb"] > 9 * small["mb"] > 70
    assert small["peak_mb"] < 500
    assert whole["peak_mb"] < 1.3 * small["peak_mb"]


@pytest.mark.slow
def test_requests_fan_out() -> None:
    answer = ask("fanning", "--requests", 160, environment={})
    assert answer["requests"] == 160
    assert (
        min(answer["ours"], answer["bare"]) > answer["cap"] * 0.9
    )  # neither is faster than the host
