"""What the agents of modelling hand on: trainings, models with their cards, comparisons."""

import hashlib
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from agents.analysis.models import Frozen, Name, Part, Sha256
from agents.analysis.report import SourceReport
from agents.analysis.study import Study

ALARM_PSI, ALARM_P = 0.2, 0.01  # a feature has drifted if its PSI is above and its p below


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


class Interval(BaseModel, frozen=True):
    """A figure and its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Card(BaseModel, frozen=True):
    """What is to be known of a model; `version` is the digest of data, code, candidate and seed.

    `gain` is by how much its squared error is smaller than the baseline's, with its interval.
    """

    version: str
    study: str
    candidate: str
    target: str
    data: str
    code: str
    seed: int
    learnt: int
    judged: int
    since: str
    until: str
    mae: Interval
    mse: Interval
    gain: Interval
    chosen_by: float
    importance: dict[str, float] = {}


What = Literal["challenger", "promoted", "kept", "rolled back"]


class Change(BaseModel, frozen=True):
    """A turn in the registry's history."""

    version: str
    what: What
    why: str
    by: str


class Drift(BaseModel, frozen=True):
    """How far one feature has moved, and the corrected probability that it has not."""

    feature: str
    psi: float
    p: float

    @property
    def is_alarm(self) -> bool:
        """Far, and not by chance."""
        return self.psi > ALARM_PSI and self.p < ALARM_P


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
