"""The models of a study in their registry.

Models are stored by skops, which reads a model without running code from it and refuses unknown types.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.analysis.modelling.models import ModelCard
from agents.runtime import AgentError, PermanentError
from agents.runtime.model_registry import CARD, ModelRegistry, Registry

MODEL = "model.skops"
SAFE = ("sklearn.", "numpy.")


class ModelGone(PermanentError):
    """The files of a trained model are gone."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"the model in {self.path} is gone: run data analysis with another --seed"


@dataclass(frozen=True)
class Models(ModelRegistry[ModelCard]):
    """The registry in the folder of a study."""

    content = Registry[ModelCard]

    def card(self, version: str) -> ModelCard:
        """The card of a trained model. Raises ModelGone."""
        if not self.has(version):
            raise ModelGone(self.path(version))
        return ModelCard.model_validate_json((self.path(version) / CARD).read_bytes())


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
