"""Slips in names of goods and verbs of the shop are mended; nothing else is."""

import pytest

from agents.support.understanding.consent import verdict
from agents.support.understanding.spelling import corrected


@pytest.mark.parametrize(
    "text,mended",
    [
        ("i wanna cancle one of my ordrs", "i wanna cancel one of my orders"),
        ("the dumbells", "the dumbbells"),
        ("everythng but the keybord", "everything but the keyboard"),
    ],
)
def test_slips_are_mended(text: str, mended: str) -> None:
    assert corrected(text) == mended


@pytest.mark.parametrize(
    "text",
    [
        "the table and the camper",
        "I returned it, cancelled, and ordered again",
        "12 Keybord Street, Denver, CO 80279",
        "mail me at ordr@example.com",
        "yess pls, orderW1234567",
        "退键盘",
    ],
)
def test_other_words_stay(text: str) -> None:
    assert corrected(text) == text


@pytest.mark.parametrize("text", ["retrun", "cancle", "excepts"])
def test_no_correction_is_a_yes(text: str) -> None:
    assert verdict(corrected(text), "order_status", "") == "neither"
