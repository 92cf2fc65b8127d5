"""Batches hold items of like duration, and as much work as a latency budget allows."""

from math import inf, nan

from agents.runtime.scheduling.batching import alike, batch_size


def test_a_batch_is_of_the_band_of_its_first_item() -> None:
    assert alike([3.0, 100.0, 2.0, None, 0.1, 3.9]) == [0, 2, 3, 5]
    assert alike([None, 100.0, 2.0]) == [0, 1]
    assert alike([None, None]) == [0, 1]
    assert alike([]) == []


def test_short_items_are_alike_however_much_they_differ() -> None:
    assert alike([0.001, 0.9, 0.0]) == [0, 1, 2]


def test_a_batch_ends_with_its_work_and_holds_at_least_one_item() -> None:
    assert alike([3.0, 3.0, 3.0], work=7.0) == [0, 1]
    assert alike([300.0, 300.0], work=7.0) == [0]


def test_the_size_of_a_batch_follows_from_the_work_that_it_may_be() -> None:
    assert batch_size(0.01, 30.0, 256) == 256
    assert batch_size(10.0, 35.0, 256) == 3
    assert batch_size(100.0, 35.0, 256) == 1
    assert batch_size(0.0, 35.0, 256) == 256


def test_odd_forecasts_stop_no_claim() -> None:
    assert alike([nan, inf, -1.0, 0.5], work=9.0) == [0, 2, 3]
    assert alike([inf, 1.0]) == [0]
    assert batch_size(nan, 35.0, 256) == 256
    assert batch_size(inf, 35.0, 256) == 1
