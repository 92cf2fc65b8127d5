"""The sample: real flights and weather with their faults, collected over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.analysis.modelling.registry import Models
from agents.analysis.report import AnalysisReport, SourceReport
from agents.analysis.study_store import StudyStore
from agents.runtime.settings import settings
from flows.data_analysis import analyse
from tests.databases import stop_telemetry


@pytest.fixture(autouse=True)
def _own_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    settings.cache_clear()
    yield
    settings.cache_clear()
    stop_telemetry()


def by_source(report: AnalysisReport) -> dict[str, SourceReport]:
    return {source.source: source for source in report.sources}


@pytest.mark.slow
async def test_two_months_are_collected_and_their_known_faults_are_found() -> None:
    """A flight of 17 miles in July, and a wind of 1,048 miles an hour in February."""
    report = await analyse.fn(partitions="*-2013-0[27]")
    sources = by_source(report)
    assert (sources["flights"].rows, sources["flights"].rules) == (54_376, {"distance: range": 1})
    assert (sources["weather"].rows, sources["weather"].discarded) == (
        4_238,
        {"wind_speed: range": 1},
    )


@pytest.mark.campaign
async def test_the_year_has_a_champion_that_beats_the_baseline() -> None:
    report = await analyse.fn()
    sources = by_source(report)
    assert report.status() == 0
    assert (sources["flights"].rows, sources["flights"].good) == (336_776, 336_775)
    assert (sources["weather"].rows, sources["weather"].gaps) == (26_115, 75)
    registry = Models(StudyStore("flights").folder).read()
    champion = registry.cards[registry.champion]
    assert champion.candidate == "trees"
    assert champion.gain.low > 0
    assert (await analyse.fn()).processed == 0
