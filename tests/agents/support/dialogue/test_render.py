"""Every sentence exists in both languages, with the same facts in it."""

import string
from pathlib import Path

import yaml

from agents.shop import rules
from agents.support.dialogue.render import SAYINGS, reply, say
from agents.support.models import ChangeOutcome, Decided, Part

TOLD = yaml.safe_load(SAYINGS.read_text("utf-8"))


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_say_the_same() -> None:
    for kind in TOLD.values():
        assert kind["en"].keys() == kind["zh"].keys()
    english, chinese = TOLD["sayings"]["en"], TOLD["sayings"]["zh"]
    assert not [k for k in english if not fields(chinese[k]) <= fields(english[k])]


def test_every_rule_of_the_shop_has_its_words() -> None:
    text = Path(rules.__file__).read_text("utf-8")
    named = {part.split('"')[0] for part in text.split(', "')[1:]} & {
        saying.removeprefix("refused ") for saying in TOLD["sayings"]["en"]
    }
    assert {"not-pending", "not-delivered", "low-balance", "same-method"} <= named


def test_a_brace_in_a_value_is_not_looked_at() -> None:
    part = Part(saying="unknown", values={"order": "{said}{0.__class__}"})
    assert "{said}{0.__class__}" in say(part, "en")


def test_a_change_is_told_as_it_ended() -> None:
    decided = Decided.model_validate(
        {
            "action": "change",
            "reason": "cancel_order",
            "request": {"kind": "cancel", "order": "A100"},
        }
    )
    told = {
        outcome: reply("en", decided, ChangeOutcome(outcome=outcome, rule="too-late")).text
        for outcome in ("applied", "refused", "waiting")
    }
    assert told["applied"].startswith("Order A100 is cancelled")
    assert told["refused"].startswith("It is too late")
    assert "approved by a person" in told["waiting"]
