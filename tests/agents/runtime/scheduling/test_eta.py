"""How long a queue, an item or a run takes, with its interval."""

import math
import random
import time

import pytest

from agents.runtime.model.batch import RunStats
from agents.runtime.scheduling.eta import Interval, Work, drain, duration, left_of, of_run
from agents.runtime.scheduling.scaling import Load


def load(consumers: int, pace: float = 1.0, limit: float = math.inf) -> Load:
    return Load(0.0, 0.0, consumers, pace=pace, limit=limit)


def test_the_time_to_drain() -> None:
    assert drain(Work(), load(0), 0.0) == Interval(0.0, 0.0)
    assert drain(Work(10, 100.0), load(0), 1e9) is None
    assert drain(Work(10, 100.0), load(2, pace=5.0), math.inf) == Interval(10.0, 10.0)
    assert drain(Work(10, 100.0), load(2, 5.0, limit=4.0), math.inf) == Interval(25.0, 25.0)
    unknown = drain(Work(10, 100.0), load(1), 0.0)
    assert unknown is not None
    assert unknown.p90 > 2 * unknown.p50


def test_nine_of_ten_simulated_drains_end_within_the_interval() -> None:
    draw, ends = random.Random(1), list[float]()
    for _ in range(400):  # 60 items of 1 s on average on three consumers
        free = [0.0] * 3
        for _ in range(60):
            place = free.index(min(free))
            free[place] += draw.expovariate(1.0)
        ends.append(max(free))
    found = drain(Work(60, 60.0, 60.0), load(3), math.inf)
    assert found is not None
    ends.sort()
    assert ends[200] == pytest.approx(found.p50, rel=0.1)
    assert 0.8 <= sum(end <= found.p90 for end in ends) / 400 <= 0.97


def test_delays_that_are_independent_add_up_as_the_root_of_squares() -> None:
    assert Interval(10.0, 13.0) + Interval(20.0, 24.0) == Interval(30.0, 35.0)
    assert left_of(Interval(10.0, 30.0), 15.0) == Interval(0.0, 15.0)


def test_a_run_goes_on_at_its_progress() -> None:
    stats = RunStats(expected=500, begun=time.monotonic() - 50.0)
    assert of_run(stats) is None
    stats.outcomes.update({"already done": 100})
    assert of_run(stats) is None  # they say nothing about the others
    stats.outcomes.update({"shipped": 90, "rejected": 10})
    found = of_run(stats)
    assert found is not None
    assert found.p50 == pytest.approx(150.0, rel=0.05)
    assert found.p90 == pytest.approx(150.0 * 1.128, rel=0.05)
    stats.outcomes.update({"shipped": 300})
    assert of_run(stats) is None


@pytest.mark.parametrize(
    "interval, words",
    [
        (Interval(0.25, 0.5), "250 ms (9 of 10: 500 ms)"),
        (Interval(720.0, 900.0), "12 min (9 of 10: 15 min)"),
        (Interval(7_200.0, 7_210.0), "2.0 h"),
    ],
)
def test_an_interval_in_words(interval: Interval, words: str) -> None:
    assert str(interval) == words


def test_days() -> None:
    assert duration(3 * 86_400.0) == "3.0 d"
