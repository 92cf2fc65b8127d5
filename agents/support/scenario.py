"""The scenario of turns: a turn is a work item that ends answered or handed over."""

from agents.runtime import Item, Scenario
from agents.support.models import Decided, Replied, Turn


def _outcome(item: Item) -> str:
    decided, replied = item.fact(Decided), item.fact(Replied)
    if decided is None or replied is None:
        return "unanswered"
    return "handed over" if decided.action == "hand_over" else "answered"


TURNS = Scenario(
    name="turns",
    version="1",
    payload=Turn,
    outcome=_outcome,
    customer=lambda turn: turn.user,
    features=lambda turn: {"number": turn.number, "words": len(turn.text.split())},
)
