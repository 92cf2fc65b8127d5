"""What the choice of a pool of our own rests on; if anyio's has learned one of these, weigh it again."""

from pathlib import Path

import pytest

from tests.benchmarks.process_calls import compared
from tests.benchmarks.test_orchestration import answered


def test_costs_are_compared_within_a_round() -> None:
    def cost(milliseconds: float) -> dict[str, float]:
        names = ("start_cpu_ms", "call_cpu_ms", "start_ms", "call_ms")
        return dict.fromkeys(names, milliseconds)

    rounds = [
        {"ours": cost(ours), "anyio": cost(anyio)} for ours, anyio in ((2, 1), (9, 3), (8, 2))
    ]
    assert compared(rounds)["call_ms"] == {"ours": 8, "anyio": 2, "times": 3}


@pytest.mark.campaign
def test_what_each_pool_does_in_trouble(tmp_path: Path) -> None:
    measured = answered("process_calls", tmp_path, "--calls", 4, "--rounds", 1)
    ours, anyio = measured["facts"]["ours"], measured["facts"]["anyio"]

    assert ours["calls_that_one_process_had"] == 1 < anyio["calls_that_one_process_had"]
    assert not ours["ran_main_module_of_caller"]
    assert anyio["ran_main_module_of_caller"]
    assert ours["dies_with_its_caller"]
    assert not anyio["dies_with_its_caller"]
    assert ours["memory_beyond_limit"].startswith("TransientError: price_order needs more than")
    assert anyio["memory_beyond_limit"] == "no error"
    assert ours["trap"].startswith("ValidationError")
    assert anyio["trap"] == "code of the answer ran in the caller"
    assert ours["crash"] == "TransientError: price_order: its process was killed by SIGKILL"
    assert anyio["crash"] == "BrokenWorkerProcess"
    assert ours["neighbour_of_hang_answered"]
    assert anyio["neighbour_of_hang_answered"]
    assert ours["ms_of_calls_after_kill"] < anyio["ms_of_calls_after_kill"]
    assert ours["private_mb_of_process"] < anyio["private_mb_of_process"]
