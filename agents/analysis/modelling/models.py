"""The values of modelling: what is trained, the card of a model, and the comparison of models."""

import hashlib
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from agents.analysis.column import Frozen, Name
from agents.analysis.models import Part, Sha256
from agents.analysis.report import SourceReport
from agents.analysis.study import Study
from agents.runtime.model_registry import Card, Change, Interval

LEAST_GAIN = 0.01
ALARM_PSI, ALARM_P = 0.2, 0.01  # drift: PSI above the first and p below the second


class Training(Frozen):
    """A work item: one candidate to train on one dataset; `data` is the digest of the dataset."""

    study: Study
    candidate: Name
    data: Sha256
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]
    seed: int = 7


class Trained(Frozen):
    """A trained model: its version is the name of its folder among the models of the study."""

    version: str
    candidate: Name


class ModelCard(Card, frozen=True):
    """The facts about a model; `version` is the digest of data, code, candidate and seed.

    `learnt` counts the rows of training and validation, `judged` those of the test, which are from
    `since` to `until`. `mae`, `mse` and `gain` are of the test; `gain` is how much smaller the squared
    error is than that of the baseline. `chosen_by` is the squared error of the validation, on `chosen_on` rows
    from `chosen_since` until the test begins. `rmse` is in the unit of the target, `r2` the share of its
    variance that is explained. `doubt` is why only a person may promote the model; empty if nothing is.
    `parameters` are those of the estimator that are not its defaults. In a classification what is predicted
    is the probability that the target is true: the squared error is its Brier score, and `auc` is how often
    a true row has a higher one than a false row. `left_out` rows are of a last day that was not complete.
    """

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
    chosen_by: float
    importance: dict[str, float] = Field(default_factory=dict)
    rmse: Interval | None = None
    r2: Interval | None = None
    unit: str = ""
    chosen_on: int = 0
    chosen_since: str = ""
    doubt: str = ""
    parameters: dict[str, str] = Field(default_factory=dict)
    task: Literal["regression", "classification"] = "regression"
    auc: Interval | None = None
    left_out: int = 0

    @property
    def least_gain(self) -> float:
        """One percent of the baseline's error: with less, nobody would see a difference."""
        return LEAST_GAIN * (self.mse.value + self.gain.value)

    @property
    def is_baseline(self) -> bool:
        """Whether the candidate is the one that the others are compared with."""
        return self.candidate == "baseline"


class Drift(BaseModel, frozen=True):
    """The drift of one feature: its PSI, and the corrected p-value that it has not drifted.

    `group` says in which rows, empty for all; `since` is the day from which on an alarm holds. `before` and
    `after` are the shares of the rows in each of the `bins`.
    """

    feature: str
    psi: float
    p: float
    group: str = ""
    since: str = ""
    bins: tuple[str, ...] = ()
    before: tuple[float, ...] = ()
    after: tuple[float, ...] = ()

    def __str__(self) -> str:
        of = f" of {self.group}" if self.group else ""
        since = f" since {self.since}" if self.since else ""
        return f"{self.feature}{of}{since}: PSI {self.psi:.2f}"

    @property
    def is_alarm(self) -> bool:
        """Whether the drift is large and significant."""
        return self.psi > ALARM_PSI and self.p < ALARM_P


class Comparison(Frozen):
    """A work item: the trained candidates of one dataset, and the champion when it was made.

    `edition` is that of the dataset: data that is published again after other data is compared again.
    """

    training: Training
    candidates: Annotated[tuple[Trained, ...], Field(min_length=1)]
    champion: str
    sources: tuple[SourceReport, ...]
    edition: int = 1

    @property
    def key(self) -> str:
        """Its key in the journal, which changes with everything that it depends on."""
        digest = hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]
        return f"{self.training.study.name}/comparison@{digest}"


class Selected(Frozen):
    """The candidate that is best in validation, the decision about it, and the drift of the features.

    `against` is how much smaller its squared error is than that of the champion, on the test rows. With
    `same_season`, the drift is measured against rows of the same season of the year.
    """

    best: str
    change: Change
    against: Interval | None
    drifts: tuple[Drift, ...]
    same_season: bool = False


class Written(Frozen):
    """The written report: its file, and the digest of its bytes."""

    file: str
    sha256: str
