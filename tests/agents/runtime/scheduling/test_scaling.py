"""How many consumers a queue needs: by the work that waits and the pace that was measured."""

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.runtime.scheduling.scaling import (
    AT_ONCE,
    UNKNOWN_PACE,
    Load,
    Pace,
    ScaleBounds,
    consumers_wanted,
    remembered,
)

BOUNDS = ScaleBounds(least=0, most=40, target=60.0, cooldown=300.0)
IDLE = Load(waiting=0.0, lately=0.0, consumers=0)


@pytest.mark.parametrize(
    "load, wanted",
    [
        (IDLE, 0),
        (Load(0.1, 0.0, 0), 1),  # a single short item
        (Load(120.0, 0.0, 0), 2),  # two minutes of work within one
        (Load(121.0, 0.0, 0), 2),  # less than a tenth of a consumer is not worth one
        (Load(130.0, 0.0, 0), 3),
        (Load(1e9, 0.0, 0), AT_ONCE),  # nobody knows yet whether the forecasts are right
        (Load(1e9, 0.0, 10), 20),
        (Load(1e9, 0.0, 30), 40),  # the upper bound
        (Load(600.0, 0.0, 4, pace=10.0), 1),  # a consumer works on ten items at once
        (Load(600.0, 2_400.0, 10), 20),  # ten are busy with what arrives, ten drain the backlog
        (Load(0.0, 2_400.0, 10), 10),  # 80 % busy
        (Load(0.0, 1_200.0, 10), 5),
        (Load(0.0, 1.0, 10), 1),  # the last one stays until the cooldown is over
        (Load(0.0, 2_400.0, 0), 0),  # what others have done calls no consumer
        (Load(0.0, 0.0, 10, claimed=7), 7),
        (
            Load(6e3, 0.0, 9, claimed=9, limit=2.0),
            9,
        ),  # two would do for the rate limit; 9 hold items
        (Load(6e3, 0.0, 9, limit=2.0), 2),
    ],
)
def test_the_number_of_consumers(load: Load, wanted: int) -> None:
    assert consumers_wanted(load, BOUNDS) == wanted


def test_bounds_are_kept() -> None:
    assert consumers_wanted(IDLE, replace(BOUNDS, least=2)) == 2
    assert consumers_wanted(Load(0.0, 0.0, 5, claimed=5), replace(BOUNDS, most=3)) == 3


def simulated(rates: list[tuple[float, float]], look: int = 30) -> list[tuple[int, float]]:
    """Consumers and waiting work at each look; each rate of arriving work lasts some seconds."""
    consumers, waiting, found = 0, 0.0, list[tuple[int, float]]()
    served: list[float] = []
    arriving = [rate for rate, seconds in rates for _ in range(int(seconds))]
    for second, rate in enumerate(arriving):
        served.append(min(waiting + rate, float(consumers)))
        waiting += rate - served[-1]
        if second % look == 0:
            lately = math.fsum(served[-300:])
            claimed = math.ceil(served[-1])
            consumers = consumers_wanted(Load(waiting, lately, consumers, claimed), BOUNDS)
            found.append((consumers, waiting))
    return found


def test_a_tenfold_load_is_met_and_ends_evenly() -> None:
    found = simulated([(2, 600), (20, 1200), (0, 600)])
    before, step, after = found[:20], found[20:60], found[60:]
    assert {consumers for consumers, _ in before[10:]} == {3}
    assert max(waiting for _, waiting in step) < 20 * 60 * 1.2
    assert step[3][0] >= 20  # within 90 s
    assert {consumers for consumers, _ in step[-10:]} <= {23, 24, 25}
    assert all(waiting < 60 for _, waiting in step[12:])
    falls = [consumers for consumers, _ in after]
    assert falls == sorted(falls, reverse=True)
    assert max(x - y for x, y in itertools.pairwise(falls)) <= 3  # not from 25 to 0
    assert falls[8] > 0 == falls[10]  # none is left after the cooldown


def test_a_short_lull_stops_few_consumers() -> None:
    found = simulated([(20, 900), (0, 30), (20, 300)])
    consumers = [number for number, _ in found[20:]]
    assert min(consumers) >= 22


counts = st.integers(0, 60)
work = st.floats(0, 1e6)


@given(work, work, counts, counts, st.floats(0.01, 1e3), st.floats(0.01, 1e4), counts)
def test_no_look_leaves_the_bounds_or_takes_what_is_claimed(
    waiting: float,
    lately: float,
    consumers: int,
    claimed: int,
    pace: float,
    limit: float,
    least: int,
) -> None:
    load = Load(waiting, lately, consumers, min(claimed, consumers), pace, limit)
    bounds = replace(BOUNDS, least=min(least, 40))
    wanted = consumers_wanted(load, bounds)
    assert bounds.least <= wanted <= bounds.most
    assert wanted >= min(load.claimed, bounds.most)
    assert wanted <= max(bounds.least, load.claimed, 2 * consumers, consumers + AT_ONCE)
    more = replace(load, waiting=load.waiting + 100.0)
    assert consumers_wanted(more, bounds) >= wanted


def test_the_pace_follows_busy_consumers() -> None:
    assert UNKNOWN_PACE.of_consumer == 1.0
    first = remembered(None, Pace(10.0, 50, 50, 100.0), busy=False)
    assert (first.of_consumer, first.mean) == (10.0, 2.0)
    slower = Pace(10.0, 5, 5, 10.0)
    assert remembered(first, slower, busy=False) == first
    assert remembered(first, slower, busy=True).of_consumer == pytest.approx(5.5)
    faster = remembered(first, Pace(10.0, 150, 150, 300.0), busy=False)
    assert faster.of_consumer == pytest.approx(20.0)
    for _ in range(100):
        faster = remembered(faster, slower, busy=True)
    assert faster.of_consumer == pytest.approx(1.0, rel=0.2)
    assert faster.seconds == pytest.approx(300.0)


def test_items_without_a_forecast_count_as_the_others() -> None:
    plain = Pace(10.0, 200, 0, 0.0)
    assert (plain.mean, plain.of_consumer) == (1.0, 20.0)  # items a second
    mixed = remembered(plain, Pace(1.0, 20, 10, 5.0), busy=True)
    assert mixed.mean == 0.5
    assert mixed.of_consumer == pytest.approx(10.0)
