"""The registry of learned models: their cards, the champion, and the history of changes.

It is one file that is replaced as a whole; each change names who made it. What a model is, and how it is
stored, is up to those who train it.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel

from agents.runtime.errors import AgentError, TransientError
from agents.runtime.files import write_whole

FILE, CARD = "registry.json", "card.json"

What = Literal["challenger", "promoted", "kept", "rolled back"]


class Interval(BaseModel, frozen=True):
    """A figure and its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Card(BaseModel, frozen=True):
    """The facts about a model that decide about its promotion.

    `gain` is how much better it is than `baseline`; the interval must be above `least_gain`. With a `doubt`
    only a person promotes the model.
    """

    baseline: ClassVar[str] = "the baseline"
    version: str
    gain: Interval
    doubt: str = ""

    @property
    def least_gain(self) -> float:
        """The gain that a model must certainly have."""
        return 0.0

    @property
    def is_baseline(self) -> bool:
        """Whether the model is the baseline itself, which never becomes champion."""
        return False


class Change(BaseModel, frozen=True):
    """One entry in the history of the registry."""

    version: str
    what: What
    why: str
    by: str


AnyCard = TypeVar("AnyCard", bound=Card)


class Registry(BaseModel, Generic[AnyCard]):
    """The cards by version, the champion, the challenger, and every change so far.

    `before` has the earlier champions, the latest at the end; `withdrawn` those that people rolled back.
    """

    cards: dict[str, AnyCard] = {}
    champion: str = ""
    challenger: str = ""
    before: list[str] = []
    withdrawn: list[str] = []
    changes: list[Change] = []


class NoSuchModel(AgentError):
    """There is no earlier champion."""

    def __str__(self) -> str:
        return "there is no earlier champion to roll back to"


class NoChallenger(AgentError):
    """There is no model that could be promoted."""

    def __str__(self) -> str:
        return (
            "there is no challenger: the last comparison promoted its best model, or there was none"
        )


class ChampionChanged(TransientError):
    """Another process promoted or rolled back a model while two models were compared."""


@dataclass(frozen=True)
class ModelRegistry(Generic[AnyCard]):
    """The registry in a folder; a lock serialises the changes of several processes.

    A subclass says in `content` what its cards are: `content = Registry[MyCard]`.
    """

    folder: Path
    content: ClassVar[Any]  # type[Registry[AnyCard]], which a class variable cannot say

    def read(self) -> Registry[AnyCard]:
        """The present content."""
        path: Path = self.folder / FILE
        content: type[Registry[AnyCard]] = self.content
        return content.model_validate_json(path.read_bytes()) if path.exists() else content()

    def has(self, version: str) -> bool:
        """Whether the model is complete: its card is written last."""
        return (self.path(version) / CARD).exists()

    def challenge(self, card: AnyCard, champion: str, against: Interval | None) -> Change:
        """Enter a model; it becomes champion if it beats the baseline and the champion.

        `against` is how much smaller its error is than that of the model `champion`, on the same rows;
        None if there is no champion, or if it cannot predict them. Both gains must be large enough by
        their intervals. The same call after a kill returns the same change. A model that a person has
        rolled back stays a challenger. Raises ChampionChanged if another model is champion.
        """
        with self._changing() as registry:
            if registry.champion not in {champion, card.version}:
                raise ChampionChanged("the champion changed while the models were compared")
            change = _decision(registry, card, against)
            registry.cards[card.version] = card
            if change.what == "promoted" and registry.champion != card.version:
                registry.before += [registry.champion] * bool(registry.champion)
                registry.champion = card.version
            registry.challenger = card.version if change.what == "challenger" else ""
            if not registry.changes or registry.changes[-1] != change:
                registry.changes.append(change)
        return change

    def roll_back(self, by: str, why: str) -> Change:
        """Make the previous champion the champion again. Raises NoSuchModel."""
        with self._changing() as registry:
            if not registry.before:
                raise NoSuchModel
            registry.withdrawn.append(registry.champion)
            registry.champion = registry.before.pop()
            change = Change(version=registry.champion, what="rolled back", why=why, by=by)
            registry.changes.append(change)
        return change

    def promote(self, by: str, why: str) -> Change:
        """Make the challenger the champion, as a person decides. Raises NoChallenger."""
        with self._changing() as registry:
            if not registry.challenger or registry.cards[registry.challenger].is_baseline:
                raise NoChallenger
            registry.before += [registry.champion] * bool(registry.champion)
            registry.champion, registry.challenger = registry.challenger, ""
            change = Change(version=registry.champion, what="promoted", why=why, by=by)
            registry.changes.append(change)
        return change

    def path(self, version: str) -> Path:
        """The folder of one model."""
        return self.folder / "models" / version

    @contextmanager
    def _changing(self) -> Iterator[Registry[AnyCard]]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".registry.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            registry = self.read()
            yield registry
            write_whole(self.folder / FILE, registry)


def _decision(registry: Registry[AnyCard], card: AnyCard, against: Interval | None) -> Change:
    what: What
    gain = f"gain over {card.baseline} {card.gain}"
    if registry.champion == card.version:
        last = registry.changes[-1]
        if (last.version, last.what) == (card.version, "promoted"):
            return last
        what, why = "kept", "it is the champion"
    elif card.version in registry.withdrawn:
        what, why = "challenger", "rolled back by a person"
    elif card.doubt:
        what, why = "challenger", f"{card.doubt} A person decides"
    elif card.is_baseline or card.gain.low <= card.least_gain:
        what, why = "challenger", gain
    elif against is not None:
        what = "promoted" if against.low > 0 else "challenger"
        why = f"gain over the champion {against}"
    else:
        unusable = "the champion cannot predict this data; " if registry.champion else ""
        what, why = "promoted", f"{unusable}{gain}"
    return Change(version=card.version, what=what, why=why, by="gate")
