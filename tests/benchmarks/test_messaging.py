"""The benchmark runs and prints its figures; the figures themselves depend on the machine."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.benchmarks.messaging import percentiles, ratio
from tests.benchmarks.test_orchestration import answered

PEERS = ("celery", "langgraph", "docket")


def test_the_median_of_ratios_of_rounds() -> None:
    assert ratio([2.0, 9.0, 4.0], [1.0, 3.0, 4.0]) == 2.0
    assert percentiles([n / 1_000 for n in range(1, 101)]) == {"p50_ms": 51.0, "p99_ms": 100.0}


@pytest.mark.campaign
@pytest.mark.parametrize(
    "part,measured",
    [
        ("queue", {"sqlite", "postgresql", "bare_sqlite", "bare_postgresql", "bare_redis"}),
        ("length", {"sqlite", "postgresql"}),
        ("bus", {"publish", "request"}),
    ],
)
def test_each_part_measures_us_beside_what_is_bare(
    tmp_path: Path, part: str, measured: set[str]
) -> None:
    options = ("--only", part, "--orders", 5_120 if part == "length" else 256, "--rounds", 1)
    answer = answered("messaging", tmp_path, *options)
    (figures,) = (answer[key] for key in ("queue_per_s", "queue_length", "bus") if key in answer)
    assert figures.keys() >= measured


@pytest.mark.campaign
def test_an_idle_order_is_measured_beside_the_usual_engines(tmp_path: Path) -> None:
    if missing := [name for name in PEERS if find_spec(name) is None]:
        pytest.skip(f"{', '.join(missing)}: not installed, `uv sync --group peers` does that")
    options = ("--only", "idle", "--orders", 2, "--rounds", 1)
    figures = answered("messaging", tmp_path, *options)["idle_order"]
    assert figures.keys() >= {"ours", "langgraph", "celery", "plain_prefect"}
    assert figures["times_langgraph"] > 0
