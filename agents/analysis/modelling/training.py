"""A candidate as a work item: what it learns from, and what came of it."""

from typing import Annotated

from pydantic import Field

from agents.analysis.models import Frozen, Name, Part, Sha256
from agents.analysis.sources.study import Study
from agents.runtime.model.item import Item
from agents.runtime.model.scenario import Scenario


class Training(Frozen):
    """One candidate on one dataset; `data` is the dataset's digest and `parts` what it consists of."""

    study: Study
    candidate: Name
    data: Sha256
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]
    seed: int = 7


class Trained(Frozen):
    """The version under which the model lies among the study's models."""

    version: str
    candidate: Name


def _outcome(item: Item) -> str:
    return "trained" if item.fact(Trained) else "not trained"


CANDIDATES = Scenario(name="candidates", version="1", payload=Training, outcome=_outcome)
