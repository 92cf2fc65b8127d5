"""The corpus of attacks is large, and has disguises of each. Their effect: tests/flows/test_attacks.py."""

from agents.support.evaluation.attacks import DISGUISES, attacks


def test_there_are_hundreds_of_every_kind() -> None:
    corpus = attacks("W7777777")
    assert len(corpus) >= 200
    assert {attack.disguise for attack in corpus} == set(DISGUISES)
    assert len({attack.kind for attack in corpus}) == 8
    assert len({attack.turns[0] for attack in corpus}) > 200
