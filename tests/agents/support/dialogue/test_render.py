"""Answers are written from templates that exist in both languages, with the same gaps."""

import string
from pathlib import Path

import yaml

from agents.shop import rules
from agents.support.dialogue.render import (
    TEMPLATES,
    confirmation,
    money,
    render,
    reply,
    status_part,
)
from agents.support.models import ChangeOutcome, Decided, Part, Task
from tests.agents.support.dialogue.shop import SHOP, order

TABLES = yaml.safe_load(TEMPLATES.read_text("utf-8"))


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_say_the_same() -> None:
    for table in TABLES.values():
        assert table["en"].keys() == table["zh"].keys()
    english, chinese = TABLES["templates"]["en"], TABLES["templates"]["zh"]
    assert not [k for k in english if not fields(chinese[k]) <= fields(english[k])]


def test_every_rule_of_the_shop_has_a_template() -> None:
    text = Path(rules.__file__).read_text("utf-8")
    named = {part.split('"')[0] for part in text.split(', "')[1:]} & {
        template.removeprefix("refused ") for template in TABLES["templates"]["en"]
    }
    assert {"not-pending", "not-delivered", "low-balance", "same-method"} <= named


def test_a_brace_in_a_value_is_text() -> None:
    part = Part(template="unknown", values={"order": "{said}{0.__class__}"})
    assert "{said}{0.__class__}" in render(part, "en")


def test_the_answer_to_a_change_is_its_result() -> None:
    decided = Decided.model_validate(
        {
            "action": "change",
            "reason": "cancel_order",
            "request": {"kind": "cancel", "order": "A100"},
        }
    )
    texts = {
        outcome: reply("en", decided, ChangeOutcome(outcome=outcome, rule="too-late")).text
        for outcome in ("applied", "refused", "waiting")
    }
    assert texts["applied"].startswith("Order A100 is cancelled")
    assert texts["refused"].startswith("It is too late")
    assert "approved by a person" in texts["waiting"]


def test_a_yes_is_asked_for_with_everything_that_it_changes() -> None:
    task = Task(name="exchange_items", order="B200", pieces=("10000001",), new=("10000002",))
    question = render(confirmation(task, SHOP.orders["B200"], SHOP), "en")
    assert question == (
        "Exchange T-Shirt of order B200 for T-Shirt (blue, M); difference USD 2.00,"
        " by credit card (Visa). Shall I do that? Please answer yes or no."
    )


def test_the_state_of_a_refund_follows_from_the_order() -> None:
    texts = [
        render(status_part("refund_status", order("A100", s)), "en")
        for s in ("cancelled", "pending")
    ]
    assert texts == [
        "Order A100 is cancelled; what was paid for it is refunded.",
        "There is no refund for order A100: it is being prepared and not shipped yet.",
    ]


def test_money_has_two_decimals() -> None:
    shown = [money(n, "") for n in (0, 5, 123_456, -250)]
    assert shown == ["0.00", "0.05", "1,234.56", "-2.50"]
    assert [money(-250, "EUR"), money(300, "JPY")] == ["-EUR 2.50", "JPY 300"]
