"""Causes are told by the names of those who share them, however many there are."""

from agents.analysis.failure_reasons import _listed


def test_a_few_names_are_told_and_the_others_counted() -> None:
    assert _listed(["a"]) == "a"
    assert _listed(["a", "b", "c"]) == "a, b, c"
    assert _listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
