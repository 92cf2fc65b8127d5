"""The gold set has every intent and passage, and names passages that exist."""

from typing import get_args

from agents.support.evaluation.gold import intents, questions, scripts
from agents.support.knowledge.retrieve import readable
from agents.support.models import IntentName, Language


def test_every_intent_is_there_in_both_languages() -> None:
    found = {(name, language) for _, name, language in intents()}
    assert found == {(n, lang) for n in get_args(IntentName) for lang in get_args(Language)}
    assert len(intents()) > 200


def test_every_passage_that_customers_may_read_is_asked_for() -> None:
    asked = {question.passage for question in questions()} - {"none"}
    assert asked == {p.source for lang in get_args(Language) for p in readable(lang)}


def test_scripts_have_an_aim() -> None:
    assert len({script.name for script in scripts()}) == len(scripts()) > 20
    assert {script.language for script in scripts()} == set(get_args(Language))
    assert any(script.escalates for script in scripts())
