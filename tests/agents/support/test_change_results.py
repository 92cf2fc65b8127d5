"""A result that ended after its turn is kept once, under the key of its change."""

from agents.runtime import Item
from agents.runtime.model.lifecycle import State
from agents.support.change_results import CHANGE_RESULTS, SUBSCRIPTIONS, keep_change_result
from agents.support.models import ChangeOutcome, EndedChange


def test_its_outcome_is_the_result_of_the_change() -> None:
    ended = EndedChange(change="A100:after-sales")
    item = Item(1, "t", "change-results", ended.change, 1, State.COMPLETED, "trace", ended)
    assert CHANGE_RESULTS.outcome(item) == "unknown"
    item.learn(ChangeOutcome(outcome="applied", change=ended.change))
    assert CHANGE_RESULTS.outcome(item) == "applied"


def test_it_is_started_by_the_end_of_a_change() -> None:
    (subscription,) = SUBSCRIPTIONS
    assert (subscription.topic.name, subscription.group) == ("changes.ended", "change-results")
    assert not keep_change_result.policy.effect
