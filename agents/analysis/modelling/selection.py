"""A comparison as a work item: which candidates, against which champion, and what was found."""

import hashlib
from typing import Annotated

from pydantic import Field

from agents.analysis.modelling.drift import Drift
from agents.analysis.modelling.metrics import Interval
from agents.analysis.modelling.registry import Change
from agents.analysis.modelling.training import Trained, Training
from agents.analysis.models import Frozen
from agents.analysis.report import SourceReport
from agents.runtime.model.item import Item
from agents.runtime.model.scenario import Scenario


class Comparison(Frozen):
    """The trained candidates of one dataset, the champion of that moment, and the rows' fates.

    With the `edition`, data that is published again after other data is compared again.
    """

    training: Training
    candidates: Annotated[tuple[Trained, ...], Field(min_length=1)]
    champion: str
    sources: tuple[SourceReport, ...]
    edition: int = 1

    @property
    def key(self) -> str:
        """Its name in the journal."""
        told = hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]
        return f"{self.training.study.name}/comparison@{told}"


class Weighed(Frozen):
    """The best candidate by the choosing rows, what the gate said, and how far the data has drifted.

    `against` is how much smaller its squared error is than the champion's, on the judging rows.
    """

    best: str
    change: Change
    against: Interval | None
    drifts: tuple[Drift, ...]


class Written(Frozen):
    """The report: its file, and the digest of its bytes."""

    file: str
    sha256: str


def _outcome(item: Item) -> str:
    return "reported" if item.fact(Written) else "not reported"


COMPARISONS = Scenario(name="comparisons", version="1.1", payload=Comparison, outcome=_outcome)
