"""The number of consumers for a backlog: more at once, fewer only after several looks that agree."""

from agents.runtime.intake.scaling import LOOKS, Bounds, Scaler, drain_seconds
from agents.runtime.journal.backlog import Backlog


def waits(waiting: int, served: float, delayed: int = 0) -> list[Backlog]:
    return [Backlog("jobs", "a", "normal", waiting, delayed, 1.0, 0.0, served)]


def scaler(least: int = 0, most: int = 8) -> Scaler:
    return Scaler(Bounds(least, most, target=60.0))


def test_the_number_grows_to_drain_in_time_but_at_most_doubles() -> None:
    assert scaler().wanted(2, waits(9_000, served=100.0)) == 3
    assert scaler().wanted(2, waits(90_000, served=100.0)) == 4
    assert scaler(most=3).wanted(2, waits(90_000, served=100.0)) == 3


def test_items_without_a_consumer_start_some() -> None:
    assert scaler().wanted(0, waits(1, served=0.0)) == 2
    assert scaler(most=1).wanted(0, waits(1, served=0.0)) == 1


def test_within_the_target_range_nothing_changes() -> None:
    steady = scaler()
    assert [steady.wanted(3, waits(3_000, served=100.0)) for _ in range(3 * LOOKS)] == [
        3
    ] * 3 * LOOKS


def test_the_number_shrinks_by_one_after_looks_that_agree() -> None:
    calm = scaler(least=1)
    assert [calm.wanted(3, waits(0, 0.0)) for _ in range(LOOKS)] == [3] * (LOOKS - 1) + [2]
    assert calm.wanted(2, waits(3_000, served=100.0)) == 2
    assert [calm.wanted(2, waits(0, 0.0)) for _ in range(LOOKS)] == [2] * (LOOKS - 1) + [1]
    assert {calm.wanted(1, waits(0, 0.0)) for _ in range(2 * LOOKS)} == {1}


def test_delayed_items_ask_for_no_consumer() -> None:
    assert drain_seconds(waits(500, served=0.0, delayed=500)) == 0
