"""What is done about a turn: rules over what is understood, what is remembered and whose order it is.

The model proposes, the code disposes: who may do what follows from the session's user, never from text.
"""

from collections.abc import Callable, Mapping, Sequence

from agents.support.models import Action, Decided, Dialogue, Language, Passage, Turn, Understood

UNSURE = 0.35
MOST_FAILURES = 2
SMALL_TALK = {"greeting", "thanks", "affirm", "deny"}
ABOUT_ORDERS = {"order_status", "refund_status", "cancel_order"}

Retrieve = Callable[[str, Language], Sequence[Passage]]


def decide(
    turn: Turn,
    understood: Understood,
    before: Dialogue,
    retrieve: Retrieve,
    states: Mapping[str, str],
) -> Decided:
    """One action. `states` are the states of the orders named that are the user's own."""
    intent = understood.best.name
    if before.taken_over:
        return Decided(action="none", before=before, reason="taken over")
    if intent == "human" or understood.angry:
        return Decided(action="hand_over", before=before, reason="asked for, or angry")
    if before.to_cancel and intent == "affirm":
        return Decided(action="cancel_order", order=before.to_cancel, before=before)
    if intent in ABOUT_ORDERS and understood.best.confidence >= UNSURE:
        return _about_order(intent, understood, before, states)
    return _about_others(turn, understood, before, retrieve)


def wanted_order(understood: Understood, before: Dialogue) -> str:
    """The order that the turn speaks of: the one it names last, or the one last spoken of."""
    return understood.orders[-1] if understood.orders else before.order


def _about_order(
    intent: str, understood: Understood, before: Dialogue, states: Mapping[str, str]
) -> Decided:
    order = wanted_order(understood, before)
    known = order in states
    action: Action = "order_status"
    if intent == "cancel_order" and known:
        action = "ask_to_cancel"
    elif intent == "refund_status":
        action = "refund_status"
    return Decided(
        action=action, order=order, state=states.get(order, ""), known=known, before=before
    )


def _about_others(
    turn: Turn, understood: Understood, before: Dialogue, retrieve: Retrieve
) -> Decided:
    intent = understood.best.name
    if intent in SMALL_TALK:
        return Decided(action="none", before=before, reason=intent)
    passages = tuple(retrieve(turn.text, understood.language)) if intent != "out_of_scope" else ()
    if passages:
        return Decided(action="none", before=before, passages=passages)
    if before.failures + 1 >= MOST_FAILURES:
        return Decided(action="hand_over", before=before, reason="not understood twice")
    return Decided(action="none", before=before, reason="not understood")
