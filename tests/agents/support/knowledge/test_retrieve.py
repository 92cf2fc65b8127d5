"""Questions find the passage that answers them, and what no passage speaks of finds none."""

import pytest

from agents.support.knowledge.retrieve import passages_of, retrieve, tokens
from agents.support.models import Language

QUESTIONS = [
    ("how many days until my parcel arrives, how long does delivery take", "How long does delivery take?"),
    ("can I cancel after the goods left the warehouse", "Until when can an order be cancelled?"),
    ("do you take gift cards or credit cards as payment methods", "Which payment methods are accepted?"),
    ("is a parcel of twenty kilograms too heavy", "Do you ship heavy goods?"),
    ("who can see my order", "Who can see an order?"),
    ("几个工作日送达", "送货需要多长时间？"),
    ("可以用信用卡付款吗", "支持哪些付款方式？"),
    ("收货以后怎么退货", "怎么退货？"),
    ("大额退款要审核吗", "大额退款有什么规定？"),
]  # fmt: skip


@pytest.mark.parametrize("question,section", QUESTIONS)
def test_the_answer_comes_first(question: str, section: str) -> None:
    language: Language = "en" if question.isascii() else "zh"
    assert retrieve(question, language)[0].section == section


@pytest.mark.parametrize("question", ["", "???", "xylophone quokka", "the of and"])
def test_no_evidence_is_none(question: str) -> None:
    assert retrieve(question, "en") == ()


def test_both_languages_say_the_same() -> None:
    en, zh = passages_of("en"), passages_of("zh")
    assert [p.document[3:] for p in en] == [p.document[3:] for p in zh]
    assert len(en) == 14


def test_words() -> None:
    assert tokens("The parcels, 30 kg") == ["parcel", "30", "kg"]
    assert tokens("退货政策") == ["退货", "货政", "政策"]
