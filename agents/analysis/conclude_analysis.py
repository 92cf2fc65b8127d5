"""Conclude: the report of an analysis becomes its result."""

from agents.analysis.asked import Asked, Planned
from agents.analysis.report import AnalysisReport
from agents.analysis.study_store import StudyStore
from agents.runtime import READ, Parked, agent

REPORT = "analysis.json"


@agent(READ, version="1.1")
def conclude_analysis(_asked: Asked, planned: Planned) -> AnalysisReport:
    """Read the report that the analysis left. Raises Parked if this data folder has none."""
    folder = StudyStore(planned.partitions[0].study).folder
    path = folder / REPORT
    if not path.exists():
        raise Parked(f"{path} is missing: approve the item where the data folder of its run is")
    return AnalysisReport.model_validate_json(path.read_bytes())
