"""Counts of a run, with reasons that many items share."""

import pytest

from agents.runtime.tally import REASON_LENGTH, Tally, reason_of, watcher


def test_outcomes_reasons_and_measures_add_up() -> None:
    tally = Tally()
    tally.count("shipped", measures={"cents": 100})
    tally.count("shipped", measures={"cents": 50})
    tally.count("rejected", "no stock")
    assert tally.outcomes == {"shipped": 2, "rejected": 1}
    assert tally.reasons == {"rejected": {"no stock": 1}}
    assert tally.measures == {"cents": 150}
    assert tally.done == 3


def test_a_reason_is_cut() -> None:
    tally = Tally()
    tally.count("rejected", "x" * 999)
    assert list(tally.reasons["rejected"]) == ["x" * REASON_LENGTH]


def test_whoever_watches_is_told_and_nobody_need_watch() -> None:
    tally, seen = Tally(), list[Tally]()
    tally.show()
    token = watcher.set(seen.append)
    tally.show()
    watcher.reset(token)
    tally.show()
    assert seen == [tally]


@pytest.mark.parametrize(
    "error_type, error, reason",
    [
        ("OutOfStock", "cannot cover 3 of sku-7", "out of stock"),
        ("TransientError", "busy", "busy"),
        ("UnknownOutcome", "lost", "lost"),
        ("Cancelled", "cancelled on request", "cancelled"),
    ],
)
def test_an_error_is_told_so_that_many_items_share_it(
    error_type: str, error: str, reason: str
) -> None:
    assert reason_of(error_type, error) == reason
