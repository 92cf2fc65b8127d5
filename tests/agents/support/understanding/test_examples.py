"""Every intent has examples in both languages, and no example has two intents."""

from typing import get_args

from agents.support.evaluation.gold import intents
from agents.support.models import IntentName, Language
from agents.support.understanding.chatter import chatter
from agents.support.understanding.classify import intent_of
from agents.support.understanding.examples import training, utterances
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


def test_the_gold_set_was_not_learnt_from() -> None:
    learnt = {text for text, _ in training()}
    assert not [text for text, _, _ in intents() if to_classify(text) in learnt]
