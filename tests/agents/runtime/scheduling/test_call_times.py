"""Time-outs and second attempts from the times of earlier calls: never longer than allowed, never a storm."""

import pytest

from agents.runtime.scheduling.call_times import (
    ENOUGH_FOR_SECOND,
    ENOUGH_FOR_TIMEOUT,
    LEAST_TIMEOUT,
    Allowance,
    CallTimes,
)

CEILING = 10.0


@pytest.mark.parametrize(
    "calls, p999, attempt, seconds",
    [
        (ENOUGH_FOR_TIMEOUT, 0.8, 0, 2.4),
        (ENOUGH_FOR_TIMEOUT - 1, 0.8, 0, CEILING),
        (ENOUGH_FOR_TIMEOUT, 0.01, 0, LEAST_TIMEOUT),
        (ENOUGH_FOR_TIMEOUT, 0.01, 1, 4 * LEAST_TIMEOUT),
        (ENOUGH_FOR_TIMEOUT, 0.01, 2, CEILING),
        (ENOUGH_FOR_TIMEOUT, 9.0, 0, CEILING),
    ],
)
def test_a_timeout_is_a_multiple_of_what_is_usual(
    calls: int, p999: float, attempt: int, seconds: float
) -> None:
    assert CallTimes(calls, p999 / 2, p999).timeout(CEILING, attempt) == pytest.approx(seconds)


def test_patience_needs_calls_and_has_a_floor() -> None:
    assert CallTimes(ENOUGH_FOR_SECOND - 1, 0.5, 1.0).patience is None
    assert CallTimes(ENOUGH_FOR_SECOND, 0.5, 1.0).patience == 0.5
    assert CallTimes(ENOUGH_FOR_SECOND, 0.001, 1.0).patience == 0.05


def test_an_allowance_is_a_share_of_the_calls_and_no_more_after_a_quiet_time() -> None:
    allowed = Allowance(0.05, burst=3)
    taken = 0
    for calls in range(1, 1_001):
        if allowed.is_open(calls):
            allowed.take()
            taken += 1
    assert taken == pytest.approx(50, abs=1)
    assert allowed.is_open(100_000)
    assert allowed.left == 3
