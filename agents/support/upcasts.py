"""Upcasts from the form that the first release stored: conversations continue over a new release."""

from typing import Any

Form = dict[str, Any]


def understood(form: Form) -> Form:
    """A turn named orders and nothing else."""
    orders = form.pop("orders", [])
    return form | {"slots": {"orders": orders}}


def understood_wishes(form: Form) -> Form:
    """Further wishes had only a name; what the turn named was that of all of them."""
    more, slots = form.pop("more", []), form["slots"]
    names = [form["intents"][0]["name"], *more] if more else []
    return form | {"wishes": [{"name": name, "text": "", "slots": slots} for name in names]}


def decided(form: Form) -> Form:
    """Actions had other names; a decision that was not carried out is decided again by its user."""
    return {"action": "answer", "reason": form.get("reason", ""), "after": dialogue(form["before"])}


def carried_out(_form: Form) -> Form:
    """The fact had no content."""
    return {}


def replied(form: Form) -> Form:
    """The dialogue had another form."""
    return form | {"after": dialogue(form["after"])}


def dialogue(form: Form) -> Form:
    """Only a cancellation could wait for a yes, and a hand-over was not stored under a key."""
    to_cancel = form.get("to_cancel")
    task = {"name": "cancel_order", "order": to_cancel, "asked": "confirm"} if to_cancel else None
    return {
        "order": form.get("order", ""),
        "failures": form.get("failures", 0),
        "taken_over": "an earlier release" if form.get("taken_over") else "",
        "task": task,
    }


def began(form: Form) -> Form:
    """What began a task was not remembered."""
    return form | {"after": {"began": ""} | form.get("after", {})}


def said_of_tasks(form: Form) -> Form:
    """What was said about all tasks was remembered once."""
    after = form.get("after", {})
    if after.get("task"):
        after = after | {"task": after["task"] | {"text": after.get("began", "")}}
    return form | {"after": after}
