"""What earlier releases stored of a turn is read by this one, and what it stores by earlier ones."""

import json

from agents.support.carry_out import carry_out
from agents.support.decide_turn import decide_turn
from agents.support.models import CarriedOut, Decided, Part, Task
from agents.support.read_change_result import read_change_result
from agents.support.reply_turn import reply_turn
from agents.support.understand_turn import understand_turn

BEFORE = {"order": "A100", "to_cancel": "A100", "failures": 1, "taken_over": False}


def test_what_was_understood_decided_and_carried_out() -> None:
    understood = {
        "language": "en",
        "intents": [{"name": "order_status", "confidence": 0.9}],
        "orders": ["A100"],
        "angry": False,
    }
    assert understand_turn.decode(json.dumps(understood), "1").slots.orders == ("A100",)
    several = understood | {"slots": {"orders": ["A100"]}, "more": ["cancel_order"]}
    several.pop("orders")
    wishes = understand_turn.decode(json.dumps(several), "1.1").wishes
    assert [(w.name, w.slots.orders) for w in wishes] == [
        ("order_status", ("A100",)), ("cancel_order", ("A100",)),
    ]  # fmt: skip
    decided = {"action": "ask_to_cancel", "order": "A100", "before": BEFORE, "reason": ""}
    assert decide_turn.decode(json.dumps(decided), "1").request is None
    assert carry_out.decode('{"done": true}', "1") == CarriedOut()


def test_what_the_release_before_stored_awaits_no_result() -> None:
    after: dict[str, object] = {
        "task": None,
        "later": [],
        "order": "A100",
        "failures": 0,
        "said": "x",
    }
    parts = [{"saying": "thanks", "values": {}}]
    decided = json.dumps({"action": "answer", "parts": parts, "after": after})
    assert decide_turn.decode(decided, "1.1").parts == (Part(template="thanks"),)
    replied = json.dumps({"text": "x", "after": after})
    assert reply_turn.decode(replied, "1.1").after.awaited == ()
    assert read_change_result.decode('{"outcome":"applied","rule":""}', "1").outcome == "applied"


def test_a_template_is_stored_under_the_name_that_earlier_releases_read() -> None:
    decided = Decided(action="answer", parts=(Part(template="thanks"),))
    assert '"parts":[{"saying":"thanks","values":{},"passage":null}]' in decide_turn.encode(decided)


def test_what_waits_for_a_yes_still_does() -> None:
    found = reply_turn.decode(json.dumps({"text": "x", "citations": [], "after": BEFORE}), "1")
    assert found.after.task == Task(name="cancel_order", order="A100", asked="confirm")
    assert (found.after.failures, found.after.taken_over) == (1, "")
    taken = reply_turn.decode(
        json.dumps({"text": "", "citations": [], "after": BEFORE | {"taken_over": True}}), "1"
    )
    assert taken.after.taken_over
