"""Invented histories of durations: of a kind, of a size, of nothing at all."""

from collections.abc import Callable
from math import exp, sqrt
from random import Random

from agents.runtime.scheduling.features import Example, features

Seconds = Callable[[Random, str, float], float]


def by_kind_and_size(random: Random, kind: str, size: float) -> float:
    """Longer for large items of the kind b, with a heavy tail."""
    return (10 if kind == "b" else 1) * sqrt(size) * exp(random.gauss(0, 0.3))


def by_nothing(random: Random, _kind: str, _size: float) -> float:
    return exp(random.gauss(0, 1))


def history(count: int, seconds: Seconds, *, seed: int = 1, agent: str = "read") -> list[Example]:
    """One duration for each item, in the order of their ends."""
    random = Random(seed)
    found = []
    for number in range(count):
        kind, size = random.choice("abc"), random.uniform(10, 10_000)
        made = features("jobs", "t", declared={"kind": kind}, size=size, hour=number % 24)
        found.append(Example(made, agent, seconds(random, kind, size), float(number), number, "1"))
    return found
