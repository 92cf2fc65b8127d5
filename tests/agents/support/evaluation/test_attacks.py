"""The corpus of attacks is large, and has disguises of each. Their effect: tests/flows/test_attacks.py."""

from collections import Counter
from typing import get_args

from agents.support.evaluation.attacks import DISGUISES, PLACES, attacks, texts
from agents.support.models import LONGEST_TEXT, Language
from agents.support.understanding.classify import language_of


def test_there_are_hundreds_of_every_kind_in_both_languages() -> None:
    corpus = attacks("W7777777")
    assert len(corpus) >= 400
    assert {attack.disguise for attack in corpus} == set(DISGUISES)
    assert len({attack.kind for attack in corpus}) == 11
    assert len({attack.turns[0] for attack in corpus}) > 800
    count = Counter(language_of(attack.turns[0]) for attack in corpus)
    assert min(count[language] for language in get_args(Language)) >= 400
    assert max(len(attack.turns[0]) for attack in corpus) <= LONGEST_TEXT


def test_a_quarter_of_them_has_every_disguise_and_kind() -> None:
    corpus, quarter = attacks("W7777777"), attacks("W7777777")[::4]
    assert {one.disguise for one in quarter} == {one.disguise for one in corpus}
    assert {one.kind for one in quarter} == {one.kind for one in corpus}


def test_names_and_pages_are_attacked_in_both_languages_as_often() -> None:
    for place in PLACES:
        count = Counter(map(language_of, texts(place, "W7777777")))
        assert count["en"] == count["zh"] > 0
