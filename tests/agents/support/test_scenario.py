"""What the end of a turn means."""

from agents.runtime.model.item import Item
from agents.runtime.model.lifecycle import State
from agents.support.models import Decided, Dialogue, Replied
from agents.support.scenario import TURNS


def item(*facts: object) -> Item:
    ended = Item(1, "t", "turns", "a#000001", 1, State.COMPLETED, "trace", None)
    for fact in facts:
        ended.learn(fact)
    return ended


def test_a_turn_is_answered_or_handed_over() -> None:
    replied = Replied(text="x", after=Dialogue())
    assert TURNS.outcome(item(Decided(action="answer"), replied)) == "answered"
    assert TURNS.outcome(item(Decided(action="hand_over"), replied)) == "handed over"
    assert TURNS.outcome(item()) == "unanswered"
