"""The rule of who goes next: shortest first within an age limit, each item once, no starvation."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.runtime.scheduling.order import (
    FADING,
    MARGIN,
    Completion,
    age_limit,
    fifo_waits,
    servers,
)
from tests.ready_set import ReadySet


def taken(
    ready: ReadySet[str], now: float, limit: float | None = None, *, shortest_first: bool = True
) -> list[str]:
    """All that are left, taken at one time."""
    return [
        ready.take(now, shortest_first=shortest_first, age_limit=limit) for _ in range(len(ready))
    ]


def filled(*precedences: float | None) -> ReadySet[str]:
    """The items a, b, c and so on, which arrived a second apart."""
    ready = ReadySet[str]()
    for number, precedence in enumerate(precedences):
        ready.add(chr(ord("a") + number), number, precedence)
    return ready


def test_the_least_precedence_goes_first_and_equals_in_their_order() -> None:
    assert taken(filled(5.0, 1.0, 3.0, 1.0), 9) == ["b", "d", "c", "a"]
    assert taken(filled(5.0, 1.0, 3.0, 1.0), 9, shortest_first=False) == ["a", "b", "c", "d"]


def test_those_that_waited_longer_than_the_limit_go_first_the_oldest_first() -> None:
    assert taken(filled(5.0, 7.0, 3.0, 1.0), 10.5, limit=9) == ["a", "b", "d", "c"]


def test_an_item_without_a_forecast_keeps_its_place() -> None:
    assert taken(filled(5.0, None, 1.0, 3.0, None), 9) == ["c", "b", "d", "a", "e"]


Arrivals = st.lists(st.none() | st.floats(0, 9), min_size=1, max_size=30)


@given(Arrivals, st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=30))
def test_each_item_goes_once_however_the_gate_moves(
    precedences: Sequence[float | None], steps: Sequence[tuple[int, bool]]
) -> None:
    ready, gone, now, coming = ReadySet[int](), list[int](), 0, list(enumerate(precedences))
    for number, shortest_first in steps:
        now += 1
        for _ in range(min(number, len(coming))):
            key, precedence = coming.pop(0)
            ready.add(key, now, precedence)
        if len(ready):
            gone.append(ready.take(now, shortest_first=shortest_first, age_limit=3))
    gone += [ready.take(now, shortest_first=True, age_limit=3) for _ in range(len(ready))]
    assert sorted(gone) == list(range(len(precedences) - len(coming)))
    for turn, key in enumerate(gone):
        assert precedences[key] is not None or turn == key  # as first in, first out


def test_what_would_have_been_waited_first_in_first_out() -> None:
    ended = [(0, 10, 10), (1, 11, 1), (2, 12, 1), (30, 31, 1)]
    served = [Completion(*one) for one in ended]
    assert fifo_waits(served, 1) == [0, 9, 9, 0]
    assert fifo_waits(served, 2) == [0, 0, 0, 0]


def test_the_number_of_servers_is_found_from_what_they_did() -> None:
    assert servers([]) == 1
    assert servers([Completion(0, 10, 10), Completion(0, 25, 10)]) == 1
    assert servers([Completion(0, 10, 10), Completion(0, 11, 10)]) == 2
    # A batch of sixty items, of which ten are in work at once: each has waited for the others.
    assert servers([Completion(0, 60, 10, started=n % 6) for n in range(60)]) == 10


def test_the_age_limit_is_the_worst_of_lately_now_and_before() -> None:
    served = [Completion(0, 10, 10), Completion(1, 11, 1), Completion(2, 12, 1)]
    assert age_limit([], known=3.0) == 3.0
    assert age_limit([]) is None
    assert age_limit(served) == pytest.approx(9 * MARGIN)
    assert age_limit(served, waiting=20) == pytest.approx(20 * MARGIN)
    assert age_limit(served, known=50, elapsed=0) == 50
    faded = age_limit(served, known=50, elapsed=FADING * 50)
    assert faded == pytest.approx(50 / math.e)
