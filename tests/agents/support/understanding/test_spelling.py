"""Slips in names of goods and verbs of the shop are mended; nothing else is."""

import pytest

from agents.shop.catalogue import catalogue
from agents.support.understanding.chat import written_out
from agents.support.understanding.consent import verdict
from agents.support.understanding.names import names_of, option_words
from agents.support.understanding.slots import to_classify
from agents.support.understanding.spelling import corrected
from tests.agents.support.understanding.consent_sentences import no_consents


@pytest.mark.parametrize(
    "text,mended",
    [
        ("i wanna cancle one of my ordrs", "i want to cancel one of my orders"),
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
        "yess please, orderW1234567",
        "退键盘",
    ],
)
def test_other_words_stay(text: str) -> None:
    assert corrected(text) == text


@pytest.mark.parametrize(
    "typed,written",
    [
        ("plz tell me if u got it n when, thx", "please tell me if you got it and when, thanks"),
        ("n where r my boots", "and where are my boots"),
        ("N, thanks", "N, thanks"),
        ("a tent in size n or r", "a tent in size n or r"),
        ("send it to 12 N Main St, Reno, NV 89501 plz", "send it to 12 N Main St, Reno, NV 89501 please"),
        ("那把伞多少刀", "那把伞多少美元"),
        ("绳子一共多少米长", "绳子一共多少米长"),
        ("退的米肿么还没到", "退的钱怎么还没到"),
        ("米色的剪刀还有不", "米色的剪刀还有吗"),
        ("地址还能改不？先不改", "地址还能改吗？先不改"),
        ("我滴帽子要出运费么", "我的帽子要出运费吗"),
        ("帮我康康，蟹蟹", "帮我看看，谢谢"),
    ],
)  # fmt: skip
def test_what_is_typed_in_a_chat_is_written_out(typed: str, written: str) -> None:
    assert corrected(typed) == written


def test_no_name_of_goods_or_options_is_written_otherwise() -> None:
    variants = catalogue().values()
    names = {name for variant in variants for name in names_of(variant)}
    options = {value for variant in variants for value in variant.options.values()}
    words = {word for value in options for word in option_words().get(value, ())}
    assert [name for name in names | options | words if written_out(name) != name] == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_no_consent_is_none_when_it_is_written_out(language: str) -> None:
    said = [written_out(text) for text in no_consents(language)]
    assert [text for text in said if verdict(text, "cancel_order", "A100") == "yes"] == []


@pytest.mark.parametrize(
    "text,rest", [("lol where is it 😂", "where is it"), ("hhh 到了没", "到了没"), ("👍", "👍")]
)
def test_laughter_and_pictures_are_not_classified(text: str, rest: str) -> None:
    assert to_classify(text) == rest


@pytest.mark.parametrize("text", ["retrun", "cancle", "excepts"])
def test_no_correction_is_a_yes(text: str) -> None:
    assert verdict(corrected(text), "order_status", "") == "neither"
