"""The language of an answer follows the customer and not one word."""

import pytest

from agents.support.dialogue.language import language
from agents.support.models import Dialogue, Language
from agents.support.understanding.classify import language_of
from agents.support.understanding.wishes import has_words
from tests.agents.support.dialogue.shop import heard


@pytest.mark.parametrize(
    "text,before,spoken",
    [
        ("ok", "zh", "zh"),
        ("W2378156", "zh", "zh"),
        ("Laptop", "zh", "zh"),
        ("👍", "zh", "zh"),
        ("I would like to return it", "zh", "en"),
        ("我要退这个 Laptop", "en", "zh"),
        ("退 Mechanical Keyboard", None, "zh"),
        ("please return the 台灯 and refund me", "en", "en"),
        ("好的", "en", "zh"),
        ("where is my order", None, "en"),
        ("ok", None, "en"),
    ],
)
def test_the_language_is_that_of_the_words(
    text: str, before: Language | None, spoken: Language
) -> None:
    understood = heard(text, "affirm").understood.model_copy(
        update={"language": language_of(text), "wordless": not has_words(text)}
    )
    assert language(text, understood, Dialogue(language=before)) == spoken
