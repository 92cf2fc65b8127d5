"""What is said, in English and Chinese; every sentence is a fact of a tool, a passage or a question."""

from functools import cache
from pathlib import Path

import yaml

from agents.support.models import CarriedOut, Decided, Dialogue, Language, Replied

SAYINGS = Path(__file__).parent / "sayings.yaml"
REFUNDED = {"compensated", "cancelled"}
BY_ACTION = {"hand_over": "hand over", "ask_to_cancel": "ask"}


def reply(language: Language, decided: Decided, carried: CarriedOut) -> Replied:
    """The answer to a turn, and what is remembered of it."""
    after = _remembered(decided)
    if decided.reason == "taken over":
        return Replied(text="", after=after)  # a person answers now
    if decided.passages:
        best = decided.passages[0]
        return Replied(text=best.text, citations=(f"{best.document}: {best.section}",), after=after)
    states, sayings = _words("states", language), _words("sayings", language)
    state = states.get(decided.state, decided.state)
    template = sayings[_saying(decided, carried)]
    return Replied(text=template.format(order=decided.order, state=state), after=after)


@cache
def _words(kind: str, language: Language) -> dict[str, str]:
    told: dict[str, str] = yaml.safe_load(SAYINGS.read_text("utf-8"))[kind][language]
    return told


def _saying(decided: Decided, carried: CarriedOut) -> str:
    action = decided.action
    if action == "none":
        return decided.reason
    if action == "cancel_order":
        return "cancelled" if carried.done else "too late"
    return BY_ACTION.get(action) or _of_order(decided)


def _of_order(decided: Decided) -> str:
    if not decided.order:
        return "which"
    if not decided.known:
        return "unknown"
    if decided.action == "order_status":
        return "status"
    return "refunded" if decided.state in REFUNDED else "not refunded"


def _remembered(decided: Decided) -> Dialogue:
    before, failed = decided.before, decided.reason == "not understood"
    return Dialogue(
        order=decided.order if decided.known and decided.order else before.order,
        to_cancel=decided.order if decided.action == "ask_to_cancel" else "",
        failures=before.failures + 1 if failed else 0,
        taken_over=before.taken_over or decided.action == "hand_over",
    )
