"""Every intent has examples in both languages, and no example has two intents."""

from collections import Counter
from typing import get_args

from agents.shop.rules import RETURN_DAYS
from agents.support.evaluation.gold import intents, questions
from agents.support.knowledge.retrieve import readable, unanswered
from agents.support.models import IntentName, Language
from agents.support.understanding.chatter import chatter
from agents.support.understanding.classify import intent_of
from agents.support.understanding.examples import GAP, OUT, training, utterances, world
from agents.support.understanding.slots import to_classify


def test_every_intent_has_examples_in_both_languages() -> None:
    for language in get_args(Language):
        found = utterances(language)
        assert {intent_of(topic) for topic in found} == set(get_args(IntentName))
        assert all(len(texts) >= 3 for texts in found.values())
        every = [to_classify(text) for texts in found.values() for text in texts]
        assert len(set(every)) == len(every)


def test_chatter_of_others_is_out_of_scope() -> None:
    for language in get_args(Language):
        assert len(chatter(language)) > 60
    ours = {
        to_classify(t)
        for lang in get_args(Language)
        for ts in utterances(lang).values()
        for t in ts
    }
    known = dict(training())
    foreign = {to_classify(text) for lang in get_args(Language) for text in chatter(lang)}
    assert all(known[text] == "out_of_scope" for text in foreign - ours)


def test_what_the_world_asks_is_built_without_gaps_and_out_of_scope() -> None:
    known = dict(training())
    for language in get_args(Language):
        built = world(language)
        assert len(set(built)) == len(built) > 250
        assert not [text for text in built if GAP in text]
        assert {known[to_classify(text)] for text in built} == {OUT}


def test_the_gold_set_was_not_learnt_from() -> None:
    learnt = {text for text, _ in training()}
    assert not [text for text, _, _ in intents() if to_classify(text) in learnt]


def test_no_gold_question_is_listed_in_a_document() -> None:
    for language in get_args(Language):
        listed = {to_classify(q) for p in readable(language) for q in (p.section, *p.asked)}
        listed |= set(map(to_classify, unanswered(language)))
        asked = [q.text for q in questions() if q.language == language]
        assert not [text for text in asked if to_classify(text) in listed]


def test_both_languages_have_the_same_pages_and_no_gap_is_left() -> None:
    pages = {language: readable(language) for language in get_args(Language)}
    count = {lang: Counter(p.document.partition("/")[2] for p in pages[lang]) for lang in pages}
    assert count["en"] == count["zh"]
    for passage in (*pages["en"], *pages["zh"]):
        assert len(passage.asked) >= 4
        assert "{" not in passage.text
    (returns,) = (p for p in pages["en"] if p.section == "How can an item be returned?")
    assert f"within {RETURN_DAYS} days" in returns.text
