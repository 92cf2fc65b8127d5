"""What the first release stored of a turn, in the form of this one: conversations outlive releases."""

from typing import Any

Told = dict[str, Any]


def understood(told: Told) -> Told:
    """Orders were all that a turn could name."""
    orders = told.pop("orders", [])
    return told | {"slots": {"orders": orders}}


def decided(told: Told) -> Told:
    """Actions had other names; what was decided and not carried out is asked for again."""
    return {"action": "answer", "reason": told.get("reason", ""), "after": dialogue(told["before"])}


def carried_out(_told: Told) -> Told:
    """It named nothing."""
    return {}


def replied(told: Told) -> Told:
    """It remembered less."""
    return told | {"after": dialogue(told["after"])}


def dialogue(told: Told) -> Told:
    """A cancellation was all that could wait for a yes; who took over was not told by a name."""
    waiting = told.get("to_cancel")
    return {
        "order": told.get("order", ""),
        "failures": told.get("failures", 0),
        "taken_over": "an earlier release" if told.get("taken_over") else "",
        "task": {"name": "cancel_order", "order": waiting, "asked": "confirm"} if waiting else None,
    }
