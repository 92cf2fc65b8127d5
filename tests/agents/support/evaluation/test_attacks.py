"""The corpus of attacks is large, and each comes in disguise. What becomes of them: tests/flows/test_attacks.py."""

from agents.support.evaluation.attacks import DISGUISES, attacks


def test_there_are_hundreds_of_every_kind() -> None:
    told = attacks("W7777777")
    assert len(told) >= 200
    assert {attack.disguise for attack in told} == set(DISGUISES)
    assert len({attack.kind for attack in told}) == 8
    assert len({attack.turns[0] for attack in told}) > 200
