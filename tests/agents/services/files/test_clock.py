"""The deadline counts our time, not the caller's."""

import time
from collections.abc import Iterator

import pytest

from agents.services.files.clock import Clock
from agents.services.files.outcomes import SourceError


def test_the_end_of_the_time_is_an_error() -> None:
    clock = Clock(0.01)
    clock.check()
    time.sleep(0.02)
    with pytest.raises(SourceError, match=r"longer than 0\.01 seconds"):
        clock.check()


def test_the_clock_stands_while_the_caller_works() -> None:
    clock = Clock(0.1)
    for _ in clock.timed(iter(range(3))):
        time.sleep(0.05)
    assert clock.left() > 0.05


def test_slow_items_end_at_the_deadline() -> None:
    def slow() -> Iterator[int]:
        for number in range(10):
            time.sleep(0.02)
            yield number

    with pytest.raises(SourceError, match="deadline"):
        list(Clock(0.05).timed(slow()))
