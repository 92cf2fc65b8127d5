"""Data analysis as the runtime sees it: a partition is an item, and it ends clean or refused."""

from collections.abc import Mapping

from agents.analysis.models import Cleaned, Partition
from agents.runtime.model.item import Item
from agents.runtime.model.scenario import Scenario


def _outcome(item: Item) -> str:
    return "clean" if item.fact(Cleaned) else "refused"


def _measures(item: Item) -> Mapping[str, int]:
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
    version="1",
    payload=Partition,
    outcome=_outcome,
    metrics=_measures,
)
