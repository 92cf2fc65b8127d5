"""A yes is a closed grammar: consents and courtesies, and nothing else in the whole message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.support.understanding.agreement import phrases, ways_to_agree, words_beside
from agents.support.understanding.consent import REFUSALS, verdict
from tests.agents.support.understanding.consent_sentences import consents, no_consents

PLAIN_YES = (
    "yes", "Yes, please!", "y", "ok do it", "not a problem, do it", "yes, that's correct.", "confirmed, yes",
    "yes, cancel it", "Yes, cancel order A100", "sure, go ahead", "是的", "好的，请办理", "对的，就这样", "确认取消",
    "没问题，办吧", "嗯嗯", "好，取消吧",
)  # fmt: skip
PLAIN_NO = (
    "no", "No, leave it.", "please don't", "no, that's not what I want", "never mind", "no, don't cancel it",
    "不要", "还是别了", "算了", "不要取消", "不用了，谢谢",
)  # fmt: skip
NEITHER = (
    "", "are you sure?", "okay let me think", "yes, I want to keep it", "yes but only if it is free", "yes?", "ok...",
    "yes please, but keep the laptop", "if it costs nothing, yes", "yes and no", "no, do it", "cancel it", "thanks",
    "no idea", "no doubt", "I don't know", "right after lunch", "okay, when?", "yes, cancel order B200",
    "等等", "好，等我问问", "好的，那运费呢", "是不是", "可以吗", "你好", "好了再说", "对不起", "对了", "不知道",
    "不要紧", "不一定", "确认一下", "要不算了", "是的，不过留下电脑",
)  # fmt: skip
AGREES = (
    "that is absolutely correct", "thats right", "You got that right", "yes, I would like that", "YESSSS", "roger that",
    "absolutely, go ahead and cancel it", "I completely agree with you", "Great, go ahead", "很好，办吧",
    "it sure is", "my answer is yes", "uh-huh", "that checks out", "my reply to your question will be yes",
    "it happens to be true", "10-4", "could you please do that", "yes, robot, can we go ahead", "everything adds up",
    "sounds perfectly fine to me", "yes, please cancel that order for me", "没错，就是这样", "你说得对", "完全正确",
    "就照你说的办吧", "那是当然", "我没意见", "好，请帮我取消订单吧",
)  # fmt: skip
RESEMBLES = (
    "yeah, right", "that is almost right", "that was not what I said", "I would, later", "what is right", "it's fine",
    "I'm good", "I would rather wait", "you can ask", "go ahead and explain it", "I want it", "yes, return everything",
    "exactly what", "sure, whatever", "I do want to keep it", "you may be right", "I think so", "it seems right",
    "I guess that's right", "that's great", "can you do that", "can we", "could you please", "my answer", "it fits",
    "yes, can we wait", "as my answer", "it turns out to be", "can we please not",
    "great", "very good, thanks", "太好了", "yes, most", "not completely", "yes, most of it",
    "要是可以", "好是好", "对的是对的", "需要确认", "对哦", "对吧", "没问题吧", "可以吧", "收到", "知道了", "这样吧",
    "不完全是", "差不多对", "说得好听", "谁说可以", "随便", "都行", "还可以", "行了", "也好",
)  # fmt: skip


@pytest.mark.parametrize("text", PLAIN_YES)
def test_a_plain_yes(text: str) -> None:
    assert verdict(text, "cancel_order", "A100") == "yes"


@pytest.mark.parametrize("text", PLAIN_NO)
def test_a_plain_no(text: str) -> None:
    assert verdict(text, "cancel_order", "A100") == "no"


@pytest.mark.parametrize("text", NEITHER)
def test_everything_else_is_neither(text: str) -> None:
    assert verdict(text, "cancel_order", "A100") == "neither"


def test_a_template_is_all_its_phrases() -> None:
    assert phrases("(a|b (c|)) d(e|)") == {"a d", "a de", "b d", "b de", "b c d", "b c de"}


@pytest.mark.parametrize("text", AGREES)
def test_an_ordinary_way_of_agreeing(text: str) -> None:
    assert verdict(text, "cancel_order", "A100") == "yes"


@pytest.mark.parametrize("text", RESEMBLES)
def test_what_resembles_agreeing_is_no_yes(text: str) -> None:
    assert verdict(text, "cancel_order", "A100") != "yes"


def test_what_is_asked_for_is_part_of_a_consent_to_this_question_only() -> None:
    assert verdict("yes, cancel it", "return_items", "A100") == "neither"
    assert verdict("yes, return it", "return_items", "A100") == "yes"
    assert verdict("I ordered it by mistake", "cancel_order", "A100") == "neither"


FOREIGN = st.sampled_from(
    ("but", "if", "maybe", "unless", "not", "lamp", "when", "wait", "keep", "?", "...", "A200", "no",
     "但是", "如果", "等等", "先", "吗", "不", "留", "别")
)  # fmt: skip
CONSENTS = sorted(ways_to_agree())
AGREEING = st.lists(st.sampled_from((*CONSENTS, *sorted(words_beside()))), min_size=1, max_size=5)


@given(AGREEING, FOREIGN, st.integers(0, 5))
def test_one_foreign_word_anywhere_makes_it_no_yes(
    words: list[str], foreign: str, place: int
) -> None:
    assert verdict(" ".join((*words[:place], foreign, *words[place:])), "cancel_order", "") != "yes"


@given(st.lists(st.sampled_from(CONSENTS), min_size=1, max_size=5), st.sampled_from(REFUSALS))
def test_a_text_of_both_kinds_is_neither(words: list[str], refusal: str) -> None:
    for text in (", ".join((*words, refusal)), ", ".join((refusal, *words))):
        assert verdict(text, "cancel_order", "") == "neither"


def test_a_long_text_is_read_in_one_pass() -> None:
    assert verdict("嗯" * 4_000 + "x", "cancel_order", "") == "neither"
    assert verdict("是的" * 2_000, "cancel_order", "") == "yes"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_condition_question_or_hesitation_counts_as_a_yes(language: str) -> None:
    said = no_consents(language)
    assert len(said) >= 500
    assert [text for text in said if verdict(text, "cancel_order", "A100") == "yes"] == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nearly_every_plain_consent_counts(language: str) -> None:
    said = consents(language)
    missed = [text for text in said if verdict(text, "cancel_order", "A100") != "yes"]
    assert len(said) >= 500
    assert len(missed) / len(said) < 0.05, missed


@pytest.mark.parametrize(
    "text", ["y", "yep", "👍", "👍🏿", "ok!", "嗯嗯", "好滴", "好嘞", "可以的"]
)
def test_a_short_yes_counts(text: str) -> None:
    assert verdict(text, "return_items", "B200") == "yes"


@pytest.mark.parametrize(
    "text", ["好了好了", "行了", "👎", "great", "it is B200", "是B200", "🙏", "不👍", "y?"]
)
def test_what_only_sounds_content_does_not(text: str) -> None:
    assert verdict(text, "return_items", "B200") != "yes"


@pytest.mark.parametrize(
    "text",
    [
        "Oh how thoughtful. Yes, if you would be so kind.", "very well then, send it back", "right in every respect",
        "those are the ones, please do", "sure, why not", "marvellous, off you go", "要得，寄回吧",
        "妥了，就这么弄呗", "行，安排",
    ],
)  # fmt: skip
def test_consents_and_courtesies_combine(text: str) -> None:
    assert verdict(text, "return_items", "A100") == "yes"


@pytest.mark.parametrize(
    "text,agrees",
    [
        ("yes, the black kettle please", True),
        ("go ahead with the kettle", True),
        ("好，黑色的水壶退吧", True),
        ("yes, the green kettle", False),
        ("yes, the kettle and the mug", False),
        ("yes, not the kettle", False),
        ("the black kettle", False),
        ("好，绿色的水壶", False),
    ],
)
def test_only_goods_in_question_stand_beside_a_consent(text: str, agrees: bool) -> None:
    goods = ("kettle", "black", "水壶", "黑色")
    assert (verdict(text, "return_items", "A100", goods) == "yes") is agrees


@pytest.mark.parametrize(
    "text",
    [
        "I see",
        "that is very kind of you",
        "much obliged",
        "the pair",
        "那个",
        "明白了",
        "行了行了",
        "得了吧",
    ],
)
def test_courtesy_alone_is_no_consent(text: str) -> None:
    assert verdict(text, "return_items", "A100") != "yes"
