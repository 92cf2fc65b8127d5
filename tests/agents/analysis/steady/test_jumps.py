"""A series that jumps as it never does otherwise is found; one that wanders, or is zero nearly always, is not."""

import numpy as np
import pytest

from agents.analysis.steady.jumps import jumps, jumps_of_share
from agents.analysis.steady.units import other_scale, other_unit


def wandering(days: int, memory: float, seed: int) -> np.ndarray:
    steps, values = np.random.default_rng(seed).normal(size=days), np.zeros(days)
    for day in range(1, days):
        values[day] = memory * values[day - 1] + steps[day]
    return values


def test_a_block_has_its_begin_end_and_size() -> None:
    values = wandering(200, 0.3, 1)
    values[100:130] += 20
    (found,) = jumps(values)
    assert (found.begin, found.end) == (100, 130)
    assert 18 < found.size < 22


def test_what_stays_has_no_end() -> None:
    values = np.where(np.arange(90) < 50, 5.0, 7.0)
    (found,) = jumps(values)
    assert (found.begin, found.end, found.size) == (50, None, 2.0)


@pytest.mark.parametrize("memory", [0.0, 0.7, 0.95, 1.0])
def test_a_series_that_wanders_has_no_jump(memory: float) -> None:
    assert [jumps(wandering(200, memory, seed)) for seed in range(8)] == [[]] * 8


def test_rare_values_and_few_days_have_none() -> None:
    rng = np.random.default_rng(2)
    rain = np.where(rng.random(365) < 0.7, 0, rng.gamma(0.5, 2, 365))
    assert (
        jumps(rain)
        == jumps(np.zeros(200))
        == jumps(np.array([1.0, 9.0] * 5))
        == jumps(np.zeros(0))
        == []
    )


def test_a_share_changes_if_it_does_so_for_days() -> None:
    shares = np.full(120, 0.01)
    shares[70] = 1.0  # a day of an outage
    assert jumps_of_share(shares, 0.1) == []
    shares[80:] = 0.5
    assert [one.begin for one in jumps_of_share(shares, 0.1)] == [80]


def test_multiples_of_known_units_are_named() -> None:
    assert other_unit(3.61) == "km/h in place of m/s"
    assert other_unit(1 / 1_000).startswith("whole units in place of thousandths")
    assert other_unit(1.3) == other_unit(-3.6) == other_unit(0.0) == ""
    assert other_scale(20, 68, "°C") == "degrees Fahrenheit in place of Celsius"
    assert other_scale(68, 20, "degrees F") == "degrees Celsius in place of Fahrenheit"
    assert other_scale(20, 68, "MW") == other_scale(20, 30, "°C") == ""
