"""The registry: the models of a study with their cards, the champion, and the history of changes.

It is one file that is replaced as a whole; each change names who made it. Models are stored by skops,
which reads a model without running code from it and refuses unknown types.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from agents.analysis.modelling.models import Change, Interval, ModelCard, What
from agents.analysis.study_store import write_whole
from agents.runtime import AgentError, PermanentError, TransientError

FILE, CARD, MODEL = "registry.json", "card.json", "model.skops"
SAFE = ("sklearn.", "numpy.")


class Registry(BaseModel):
    """The cards by version, the champion, the challenger, and every change so far.

    `before` has the earlier champions, the latest at the end; `withdrawn` those that people rolled back.
    """

    cards: dict[str, ModelCard] = {}
    champion: str = ""
    challenger: str = ""
    before: list[str] = []
    withdrawn: list[str] = []
    changes: list[Change] = []


class NoSuchModel(AgentError):
    """There is no earlier champion."""

    def __str__(self) -> str:
        return "there is no earlier champion to roll back to"


class ModelGone(PermanentError):
    """The files of a trained model are gone."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"the model in {self.path} is gone: run data analysis with another --seed"


class ChampionChanged(TransientError):
    """Another process promoted or rolled back a model while two models were compared."""


@dataclass(frozen=True, slots=True)
class Models:
    """The registry in the folder of a study; a lock serialises the changes of several processes."""

    folder: Path

    def read(self) -> Registry:
        """The present content."""
        path = self.folder / FILE
        return Registry.model_validate_json(path.read_bytes()) if path.exists() else Registry()

    def has(self, version: str) -> bool:
        """Whether the model is complete: its card is written last."""
        return (self.path(version) / CARD).exists()

    def card(self, version: str) -> ModelCard:
        """The card of a trained model. Raises ModelGone."""
        if not self.has(version):
            raise ModelGone(self.path(version))
        return ModelCard.model_validate_json((self.path(version) / CARD).read_bytes())

    def challenge(self, card: ModelCard, champion: str, against: Interval | None) -> Change:
        """Enter a model; it becomes champion if it beats the baseline and the champion.

        `against` is how much smaller its squared error is than that of the model `champion`, on the
        same rows; None if there is no champion, or if it cannot predict them. Both gains must be
        above 0 by their intervals. The same call after a kill returns the same change. A model that a
        person has rolled back stays a challenger. Raises ChampionChanged if another model is champion.
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

    def path(self, version: str) -> Path:
        """The folder of one model."""
        return self.folder / "models" / version

    @contextmanager
    def _changing(self) -> Iterator[Registry]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".registry.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            registry = self.read()
            yield registry
            write_whole(self.folder / FILE, registry)


def _decision(registry: Registry, card: ModelCard, against: Interval | None) -> Change:
    what: What
    if registry.champion == card.version:
        last = registry.changes[-1]
        if (last.version, last.what) == (card.version, "promoted"):
            return last
        what, why = "kept", "it is the champion"
    elif card.version in registry.withdrawn:
        what, why = "challenger", "rolled back by a person"
    elif card.candidate == "baseline" or card.gain.low <= 0:
        what, why = "challenger", f"gain over the baseline {card.gain}"
    elif against is not None:
        what = "promoted" if against.low > 0 else "challenger"
        why = f"gain over the champion {against}"
    else:
        unusable = "the champion cannot predict this data; " if registry.champion else ""
        what, why = "promoted", f"{unusable}gain over the baseline {card.gain}"
    return Change(version=card.version, what=what, why=why, by="gate")


def dump(model: Any, path: Path) -> None:
    """Write a model to a file."""
    import skops.io as sio  # noqa: PLC0415 - takes seconds to load

    sio.dump(model, path)


def load(path: Path) -> Any:
    """Read a model. Raises UntrustedTypes if it has types other than those of scikit-learn and numpy."""
    import skops.io as sio  # noqa: PLC0415 - takes seconds to load

    untrusted = [name for name in sio.get_untrusted_types(file=path) if not name.startswith(SAFE)]
    if untrusted:
        raise UntrustedTypes(path, tuple(untrusted))
    return sio.load(path, trusted=sio.get_untrusted_types(file=path))


class UntrustedTypes(AgentError):
    """A model file with types that are not loaded."""

    def __init__(self, path: Path, types: tuple[str, ...]) -> None:
        super().__init__(path, types)
        self.path, self.types = path, types

    def __str__(self) -> str:
        return f"{self.path} has the types {', '.join(self.types)[:200]}: it is not loaded"
