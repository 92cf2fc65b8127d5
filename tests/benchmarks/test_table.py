"""The table of results: figures and their goals, what is kept of each run, and the page."""

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.__main__ import RESULTS, Kept, measured
from tests.benchmarks.contending import peer
from tests.benchmarks.figures import Figure, at, ratios
from tests.benchmarks.machine import ask
from tests.benchmarks.page import BEGINS, ENDS, written
from tests.benchmarks.rows import Size

SIZE = Size(10, 3)
SERVE = """
import asyncio, sys
from tests.benchmarks.contending import serve
async def many(numbers):
    print("a library prints")
    if 13 in numbers:
        raise SystemExit("no thirteen")
serve(many)
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "RESULTS.md"
    path.write_text(f"before\n{BEGINS}old\n{ENDS}after\n", "utf-8")
    return path


@pytest.mark.parametrize(
    "goal,is_met",
    [({"most": 2.0}, True), ({"most": 1.9}, False), ({"least": 2.1}, False), ({}, None)],
)
def test_the_median_of_the_rounds_meets_the_goal_or_not(
    goal: dict[str, float], is_met: bool | None
) -> None:
    assert Figure("x", [1.0, 2.0, 9.0], **goal).is_met is is_met


def test_a_figure_says_median_and_spread() -> None:
    kept = Figure("x", [3.14159, 1.0, 12345.6], most=4).as_json()
    assert (kept["median"], kept["low"], kept["high"]) == (3.142, 1.0, 12346.0)
    assert (kept["goal"], kept["met"], kept["rounds"]) == ("at most 4", True, 3)


def test_ratios_are_of_one_round_and_percentiles_in_milliseconds() -> None:
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]
    assert at(99, [n / 1_000 for n in range(100)]) == 99.0


def broken(_size: Size) -> list[Figure]:
    raise RuntimeError("the server\nwas lost")


def test_a_row_that_fails_says_why_and_the_rows_before_it_stay(page: Path) -> None:
    kept = Kept(page)
    kept.keep("bulk", measured(lambda _: [Figure("ours, steps/s", [5.0, 7.0], least=6)], SIZE))
    kept.keep("bus", measured(broken, SIZE))
    again = Kept(page)
    assert again.rows["bulk"]["figures"][0]["median"] == 6.0
    assert "was lost" in again.rows["bus"]["failed"]
    text = page.read_text("utf-8")
    assert "| bulk | ours, steps/s | 6 | 5 to 7 | at least 6 | yes |" in text
    assert "| bus | failed | RuntimeError" in text
    assert (text.startswith("before\n"), text.endswith("after\n")) == (True, True)
    assert "<svg" in page.with_suffix(".svg").read_text("utf-8")


def test_a_row_that_is_measured_again_replaces_its_own(page: Path) -> None:
    Kept(page).keep("bus", measured(broken, SIZE))
    Kept(page).keep("bus", measured(lambda _: [Figure("request", [1.0])], SIZE))
    assert "failed" not in page.read_text("utf-8")
    assert list(json.loads(page.with_suffix(".json").read_text("utf-8"))) == ["bus"]


def test_a_page_without_a_measured_part_is_refused() -> None:
    with pytest.raises(ValueError, match="no measured part"):
        written("words", "figures")


def test_the_page_has_a_measured_part() -> None:
    assert written(RESULTS.read_text(encoding="utf-8"), "new").count("new") >= 1


def test_a_peer_answers_by_lines_and_its_end_is_an_error(tmp_path: Path) -> None:

    log = tmp_path / "log"
    with peer([sys.executable, "-c", SERVE], log, os.environ) as asked:
        assert 0 <= asked.take([1, 2]) < 60
        with pytest.raises(RuntimeError, match=r"(?s)has ended.*no thirteen"):
            asked.take([13])
    assert "a library prints" in log.read_text("utf-8")


ROUNDS: dict[str, Any] = {
    "bulk": {"times the best peer", "share of the floor"},
    "idle": {"p50 of the best durable peer's", "dbos postgresql, p99"},
    "arrivals": {"p99 over twice the idle p50 and the batch wait"},
    "growth": {"journal bytes an order", "Prefect's bytes an order"},
    "real": {"our share of its time", "the sandbox's ceiling"},
    "dialogue": {"our share of a turn"},
    "start": {"second run, of a bare flow's"},
}


@pytest.mark.campaign
@pytest.mark.skipif(find_spec("dbos") is None, reason="`uv sync --group bench` installs the peers")
@pytest.mark.parametrize("row", ROUNDS)
def test_each_row_is_measured(row: str, page: Path, tmp_path: Path) -> None:
    given = ("--orders", 20, "--rounds", 1, "--page", page, "--only", row)
    answer = ask("__main__", *given, environment={"AGENT_FLOWS_DATA": str(tmp_path)})
    names = {one["name"] for one in answer[row]["figures"]}
    assert all(any(name.startswith(begin) for name in names) for begin in ROUNDS[row]), names
