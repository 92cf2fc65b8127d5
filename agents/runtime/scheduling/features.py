"""What forecasts are made from: the features of an item, and earlier durations of agents with them.

Numbers lie on a grid of about 13 %, so that items which are alike have equal features and share one
forecast. No content of a body is a feature, only its length and what its scenario declares.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from math import isfinite, log1p

KIND, TENANT, VERSION = "kind", "tenant", "version"
SIZE, HOUR, LOAD = "size", "hour", "load"
STEPS = 8  # of the grid, for each factor of e
LONGEST_WORD, MOST_DECLARED = 64, 16
DAY, SECONDS_OF_HOUR = 86_400, 3_600


@dataclass(frozen=True, slots=True)
class Features:
    """The features of one item when it was accepted: numbers on the grid, and words.

    `numbers` and `words` are in the order of their names.
    """

    scenario: str
    numbers: tuple[tuple[str, float], ...]
    words: tuple[tuple[str, str], ...]

    def word(self, name: str) -> str:
        """The word of this name; empty if there is none."""
        return next((word for known, word in self.words if known == name), "")


@dataclass(frozen=True, slots=True)
class Example:
    """A duration of the past: an agent took `seconds` on an item with these features, until `at`.

    `at` is in seconds since 1970. `item` is any number that the examples of one item share. In an example
    of a cost, `seconds` is the amount of the resource.
    """

    features: Features
    agent: str
    seconds: float
    at: float
    item: int = 0
    version: str = ""


def features(
    scenario: str,
    tenant: str = "",
    *,
    declared: Mapping[str, float | str] | None = None,
    only: AbstractSet[str] | None = None,
    **numbers: float,
) -> Features:
    """Features on the grid. `declared` is what the scenario says of the item; never raises.

    The declared word `kind` groups items that are alike. What is neither a finite number nor a word is
    left out, as is what is declared beyond 16 names, and what `only` does not name if it is given.
    """
    words, values = list[tuple[str, str]](), list[tuple[str, float]]()
    known: dict[str, object] = {TENANT: tenant}
    known.update(islice((declared or {}).items(), MOST_DECLARED))
    known.update(numbers)
    for name in known if only is None else only & known.keys():
        value = known[name]
        if isinstance(value, str):
            if value:
                words.append((name, value[:LONGEST_WORD]))
        elif isinstance(value, int | float) and (number := _grid(name, value)) is not None:
            values.append((name, number))
    return Features(scenario, tuple(sorted(values)), tuple(sorted(words)))


def hour_of(at: float) -> float:
    """The hour of the day in UTC, from 0 to 23, at a time in seconds since 1970."""
    return float(at % DAY // SECONDS_OF_HOUR)


def _grid(name: str, value: float) -> float | None:
    if name == HOUR:
        return value
    try:
        number = float(value)
    except OverflowError:
        return None
    if not isfinite(number):
        return None
    size = round(log1p(abs(number)) * STEPS) / STEPS
    return size if number >= 0 else -size
