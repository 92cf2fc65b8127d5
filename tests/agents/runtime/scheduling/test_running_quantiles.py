"""How much a kind of item says about durations is learned from how much kinds differ."""

import random

from agents.runtime.scheduling.features import KIND, Example, features
from agents.runtime.scheduling.running_quantiles import (
    LEAST_ALIKE,
    RunningQuantiles,
    Sketch,
    credibility,
)


def learned(seconds: dict[str, list[float]]) -> RunningQuantiles:
    """What outcomes of one agent teach, by kind."""
    found = RunningQuantiles()
    for kind, outcomes in seconds.items():
        known = features("orders", declared={KIND: kind})
        found.learn([Example(known, "pack", one, 0.0) for one in outcomes])
    return found


def sketches(*kinds: list[float]) -> list[Sketch]:
    found = [Sketch() for _ in kinds]
    for sketch, outcomes in zip(found, kinds, strict=True):
        for one in outcomes:
            sketch.add(one)
    return found


def test_chance_outcomes_of_a_kind_say_little_where_kinds_do_not_differ() -> None:
    numbers = random.Random(3)
    kinds = {str(n): [numbers.lognormvariate(0, 1) for _ in range(9)] for n in range(30)}
    found = learned(kinds | {"lucky": [0.05, 0.04]})
    typical = found.expected("orders", "pack").mean
    assert 0.6 * typical < found.expected("orders", "pack", "lucky").mean <= typical


def test_few_outcomes_of_a_kind_say_much_where_kinds_differ() -> None:
    found = learned({str(n): [2.0**n, 2.1**n] for n in range(10)})
    assert 7.5 < found.expected("orders", "pack", "3").p50 < 9.5


def test_two_kinds_are_too_few_to_say_how_much_kinds_differ() -> None:
    assert credibility(sketches([1.0, 2.0], [5.0, 6.0])) is None
    assert credibility(sketches([1.0], [5.0], [9.0])) is None
    assert credibility(sketches([1.0, 1.0], [50.0, 50.0], [900.0, 900.0])) == LEAST_ALIKE
