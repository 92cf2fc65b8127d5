"""The kinds of work items of data analysis, and the word for how each ends."""

from collections.abc import Mapping

from agents.analysis.asked import RECORDS, Asked
from agents.analysis.modelling.models import Comparison, Trained, Training, Written
from agents.analysis.models import Cleaned, Partition
from agents.analysis.report import AnalysisReport
from agents.runtime import Item, Scenario


def _cleaned(item: Item) -> str:
    return "clean" if item.fact(Cleaned) else "refused"


def _metrics(item: Item) -> Mapping[str, int]:
    cleaned = item.fact(Cleaned)
    if cleaned is None:
        return {}
    return {
        "rows": cleaned.rows,
        "good": cleaned.good,
        "quarantined": cleaned.quarantined,
        "deduplicated": cleaned.deduplicated,
    }


PARTITIONS = Scenario(
    name="partitions",
    version="1.5",
    payload=Partition,
    outcome=_cleaned,
    metrics=_metrics,
    features=lambda part: {"kind": f"{part.study}/{part.source}"},
)


def _trained(item: Item) -> str:
    return "trained" if item.fact(Trained) else "not trained"


# One thread; memory for the sample with room. What a training is stopped at is in its policy, HEAVY.
TRAINING_NEEDS = {"cpu": 1.0, "memory": 2.0 * 1024**3}
CANDIDATES = Scenario(
    name="candidates",
    version="1.5",
    payload=Training,
    outcome=_trained,
    features=lambda one: {"kind": one.candidate, "rows": sum(part.rows for part in one.parts)},
    needs=lambda _training: TRAINING_NEEDS,
)


def _reported(item: Item) -> str:
    return "reported" if item.fact(Written) else "not reported"


COMPARISONS = Scenario(
    name="comparisons",
    version="1.6",
    payload=Comparison,
    outcome=_reported,
    features=lambda one: {"rows": sum(part.rows for part in one.training.parts)},
)


def _analysed(item: Item) -> str:
    report = item.fact(AnalysisReport)
    if report is None:
        return "not analysed"
    return "published" if report.published else "unpublished"


ANALYSES = Scenario(
    name="analyses",
    version="1.5",
    payload=Asked,
    outcome=_analysed,
    validate=RECORDS.validate,
)
