"""Turns of one conversation go one after the other, those of many side by side."""

from agents.support.models import Turn
from agents.support.run import waves


def turn(conversation: str, number: int) -> Turn:
    return Turn(conversation=conversation, number=number, user="u", text="t")


def test_each_wave_has_one_turn_of_a_conversation() -> None:
    turns = [turn("b", 2), turn("a", 1), turn("b", 1), turn("a", 2), turn("a", 3)]
    keys = [[one.key for one in wave] for wave in waves(turns)]
    assert keys == [["a#000001", "b#000001"], ["a#000002", "b#000002"], ["a#000003"]]
    assert waves([]) == []
