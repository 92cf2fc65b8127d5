"""The benchmark runs and prints its figures; the figures themselves depend on the machine."""

from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.machine import ask, peak_mb

ORDERS = 20
KEYS = {
    "orders",
    "steps_per_s",
    "plain_prefect_steps_per_s",
    "floor_steps_per_s",
}


# Each runs in a process of its own, so that the trivial agents are not registered here.
def answered(module: str, data: Path, *arguments: object) -> dict[str, Any]:
    return ask(module, *arguments, environment={"AGENT_FLOWS_DATA": str(data)})


@pytest.mark.slow
def test_the_trivial_agents_need_no_prefect_server(tmp_path: Path) -> None:
    answer = answered("trivial", tmp_path, "--orders", ORDERS, "--without-prefect")
    assert answer["orders"] == ORDERS
    assert answer["steps_per_s"] > 0
    assert answer["peak_mb"] > 1


@pytest.mark.slow
def test_the_floor_writes_the_same_rows_as_the_runtime(tmp_path: Path) -> None:
    answer = answered("floor", tmp_path, "--orders", ORDERS)
    assert (answer["orders"], answer["history"], answer["stages"]) == (20, 60, 100)


def test_peak_memory_is_measured_in_megabytes() -> None:
    assert 1 < peak_mb() < 100_000


@pytest.mark.slow
def test_a_measurement_that_fails_raises(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"trivial ended with 2:(?s:.*)--orders"):
        answered("trivial", tmp_path)


@pytest.mark.campaign
def test_the_last_line_is_one_object_with_every_figure(tmp_path: Path) -> None:
    given = ("--orders", ORDERS, "--rounds", 1, "--only", "alone")
    answer = answered("orchestration", tmp_path, *given)
    assert answer.keys() >= KEYS
    assert answer["orders"] == ORDERS
    assert all(answer[key] > 0 for key in KEYS)


@pytest.mark.campaign
def test_a_straight_line_and_a_graph_are_measured_in_turns(tmp_path: Path) -> None:
    answer = answered("graphs", tmp_path, "--rounds", 1, "--orders", ORDERS)
    assert all(answer[f"{case}_ratio"] > 0 for case in ("one_order", "batch", "trivial"))
