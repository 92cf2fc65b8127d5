"""A change ends applied or refused; tests/flows/test_customer_service.py tests the whole workflow."""

from agents.orders.apply_change import apply_change
from agents.orders.models import Applied
from agents.orders.scenario import CHANGES
from agents.runtime.model.item import Item
from agents.runtime.model.lifecycle import State


def test_a_change_is_an_effect_and_ends_applied_or_refused() -> None:
    assert apply_change.policy.effect
    item = Item(1, "t", "changes", "A100:cancel", 1, State.COMPLETED, "trace", None)
    assert CHANGES.outcome(item) == "refused"
    item.learn(Applied(status="cancelled"))
    assert CHANGES.outcome(item) == "applied"
