"""The counts of a run, with reasons that many items share."""

import pytest

from agents.runtime.model.batch import REASON_LENGTH, RunStats, reason_of, watcher


def test_outcomes_reasons_and_metrics_add_up() -> None:
    stats = RunStats()
    stats.count("shipped", metrics={"cents": 100})
    stats.count("shipped", metrics={"cents": 50})
    stats.count("rejected", "no stock")
    assert stats.outcomes == {"shipped": 2, "rejected": 1}
    assert stats.reasons == {"rejected": {"no stock": 1}}
    assert stats.metrics == {"cents": 150}
    assert stats.done == 3


def test_a_reason_is_cut() -> None:
    stats = RunStats()
    stats.count("rejected", "x" * 999)
    assert list(stats.reasons["rejected"]) == ["x" * REASON_LENGTH]


def test_the_watcher_gets_the_counts_and_none_is_needed() -> None:
    stats, seen = RunStats(), list[RunStats]()
    stats.show()
    token = watcher.set(seen.append)
    stats.show()
    watcher.reset(token)
    stats.show()
    assert seen == [stats]


@pytest.mark.parametrize(
    "error_type, error, reason",
    [
        ("OutOfStock", "cannot cover 3 of sku-7", "out of stock"),
        ("TransientError", "busy", "busy"),
        ("UnknownOutcome", "lost", "lost"),
        ("Cancelled", "cancelled on request", "cancelled"),
    ],
)
def test_many_items_share_the_reason_of_an_error(error_type: str, error: str, reason: str) -> None:
    assert reason_of(error_type, error) == reason
