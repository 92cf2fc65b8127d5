"""The wishes of a message are told apart, and each keeps the order that it names."""

import pytest

from agents.support.models import Intent, IntentName
from agents.support.understanding.wishes import (
    MOST_PARTS,
    has_only_names,
    parts,
    parts_in_question,
    wish_beside,
    wishes,
)

KEYWORDS: dict[str, IntentName] = {
    "cancel": "cancel_order", "where": "order_status", "return": "return_items", "ship": "modify_order_address",
    "how long": "knowledge", "person": "human", "取消": "cancel_order", "哪": "order_status", "退": "return_items",
}  # fmt: skip


def by_keyword(text: str) -> tuple[Intent, ...]:
    """A classifier of a test's own."""
    low = text.lower()
    name = next((name for word, name in KEYWORDS.items() if word in low), None)
    return (Intent(name=name or "out_of_scope", confidence=0.9),)


def found(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(w.name, w.slots.orders) for w in wishes(text, by_keyword)]


@pytest.mark.parametrize(
    "text,expected",
    [
        (
            "Cancel order A100 and where is B200?",
            [("cancel_order", "A100"), ("order_status", "B200")],
        ),
        ("cancel A100 and B200", [("cancel_order", "A100"), ("cancel_order", "B200")]),
        ("cancel A100, B200 and C300", [("cancel_order", o) for o in ("A100", "B200", "C300")]),
        ("A100 and B200: cancel both", [("cancel_order", "A100"), ("cancel_order", "B200")]),
        ("cancel A100, where is B200", [("cancel_order", "A100"), ("order_status", "B200")]),
        (
            "return the lamp from A100 and the bottle from B200",
            [("return_items", "A100"), ("return_items", "B200")],
        ),
        ("取消A100和B200", [("cancel_order", "A100"), ("cancel_order", "B200")]),
        ("取消A100，B200在哪里", [("cancel_order", "A100"), ("order_status", "B200")]),
        (
            "cancel A100 and tell me a joke about B200",
            [("cancel_order", "A100"), ("out_of_scope", "B200")],
        ),
    ],
)
def test_each_wish_has_its_order(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == [(name, (order,)) for name, order in expected]


@pytest.mark.parametrize(
    "text",
    ["cancel A100", "cancel A100 not B200", "cancel B200, no wait, A100", "Hello. Cancel A100, please. Thanks!",
     "return the lamp, order A100", "cancel A100 or B200"],
)  # fmt: skip
def test_one_wish_is_not_cut(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "return the lamp and the mug, order A100",
        "exchange it for one in red and L, by PayPal",
        "exchange it of A100 for one with 30MP and 10x, by PayPal",
        "exchange it of A100 for one with 13-inch and 64GB",
    ],
)
def test_goods_and_methods_without_a_verb_are_no_wish_of_their_own(text: str) -> None:
    def classify(part: str) -> tuple[Intent, ...]:
        names: dict[str, IntentName] = {
            "return": "return_items", "exchange": "exchange_items", "PayPal": "modify_payment",
        }  # fmt: skip
        found = (name for word, name in names.items() if word in part)
        name: IntentName = next(found, "product")
        return (Intent(name=name, confidence=0.9),)

    assert wishes(text, classify) == ()
    several = wishes(f"{text}, and what does the mug cost?", classify)
    assert [wish.name for wish in several] == [classify(text)[0].name, "product"]


def test_an_address_is_not_cut_and_stays_with_its_wish() -> None:
    text = "ship A100 to 12 Oak St. Suite, Austin, TX 78701 and B200 to 445 Maple Drive, Fort Worth, TX 76165"
    first, second = wishes(text, by_keyword)
    assert first.slots.address is not None
    assert second.slots.address is not None
    assert (first.slots.orders, first.slots.address.city) == (("A100",), "Austin")
    assert (second.slots.orders, second.slots.address.city) == (("B200",), "Fort Worth")


def test_no_order_is_lost_however_many_parts_there_are() -> None:
    names = [f"A{n:03}" for n in range(30)]
    text = "cancel " + " and ".join(names)
    assert [order for _, (order,) in found(text)] == names
    assert len(parts_in_question(". ".join(f"where is {name}" for name in names))) == MOST_PARTS
    assert parts("cancel A100") == ["cancel A100"]


def test_a_message_that_only_names_orders_has_no_wish_of_its_own() -> None:
    assert [
        t
        for t in ("A100", "the other one, A100", "and A100 too", "A100吧")
        if not has_only_names(t)
    ] == []
    assert [
        t for t in ("cancel A100", "where is A100", "yes please", "取消A100") if has_only_names(t)
    ] == []


def test_thanks_do_not_hide_a_wish() -> None:
    wanted = wish_beside("return the mug of A100, thanks, that's all", by_keyword)
    assert wanted is not None
    assert wanted.name == "return_items"
    assert wish_beside("hello, thanks", by_keyword) is None


@pytest.mark.parametrize(
    "text,found",
    [
        ("where is A1234567 Also, cancel B1234567", ["where is A1234567", "cancel B1234567"]),
        ("where is it? Apart from that, cancel it", ["where is it", "cancel it"]),
        ("cancel it. One more thing: where is the mug", ["cancel it", "where is the mug"]),
        ("send it to my office and not to my home", ["send it to my office and not to my home"]),
        ("取消订单；再有一件事，杯子到哪了", ["取消订单", "杯子到哪了"]),
    ],
)
def test_words_that_begin_another_wish_are_no_part_of_it(text: str, found: list[str]) -> None:
    assert [part.strip() for part in parts(text)] == found


@pytest.mark.parametrize(
    "text,expected",
    [
        ("两件事。第一，取消298.50元那个订单。第二，水壶不再想要，退了吧", ["取消298.50元那个订单", "退了吧"]),
        ("cancel the order of 298.50. A mug of mine leaks, return it", ["298.50", "mug"]),
    ],
)  # fmt: skip
def test_an_amount_and_a_word_for_no_more_are_not_cut(text: str, expected: list[str]) -> None:
    first, second = wishes(text, by_keyword)
    assert expected[0] in first.text
    assert expected[1] in second.text
    assert "mug" not in first.text
    assert "水壶" not in first.text


def test_goods_told_of_before_a_wish_that_names_none_belong_to_it() -> None:
    first, second = wishes(
        "cancel the keyboard order. One of my two bottles leaks all over, I want to return that one",
        by_keyword,
    )
    assert first.text == "cancel the keyboard order"
    assert "One of my two bottles leaks all over" in second.text


def test_a_clause_about_other_goods_is_a_wish_as_well() -> None:
    def classify(part: str) -> tuple[Intent, ...]:
        if "cancel" in part:
            return (Intent(name="cancel_order", confidence=0.9),)
        return (
            Intent(name="product", confidence=0.5),
            Intent(name="return_items", confidence=0.1),
        )

    first, second = wishes("both of the bottles, please. Please cancel the sunglasses", classify)
    assert (first.name, second.name) == ("return_items", "cancel_order")
    assert [one.name for one in first.likely] == ["product", "return_items"]
