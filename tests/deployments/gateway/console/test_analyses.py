"""Analyses in the console: their progress, their report, and the rows that broke a rule."""

from pathlib import Path

import httpx
import pytest

from agents.analysis.report import FILE
from agents.analysis.study_store import StudyStore
from agents.runtime.settings import PREFIX, settings
from tests.deployments.gateway.console.test_overview import text_of
from tests.deployments.gateway.test_analyses import PAGE, STUDY, asked


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}DATA", str(tmp_path))
    settings.cache_clear()


async def test_an_analysis_in_work_shows_its_progress(console: httpx.AsyncClient) -> None:
    assert "No analysis was asked for." in text_of(await console.get("/console/analyses"))
    await asked(ended=False)
    assert "q3 pending" in text_of(await console.get("/console/analyses"))
    page = await console.get("/console/analyses/q3")
    assert "plan analysis done" in text_of(page)
    assert 'data-live="/console/analyses/q3"' in page.text
    assert "<iframe" not in page.text
    assert "may, line 2 sold: range" in text_of(page)


async def test_an_analysis_that_has_ended_shows_its_report_in_a_sandbox(
    console: httpx.AsyncClient,
) -> None:
    await asked()
    (StudyStore(STUDY).folder / FILE).write_text(PAGE, encoding="utf-8")
    page = await console.get("/console/analyses/q3")
    assert f"{STUDY}: 0 rows" in text_of(page)
    assert '<iframe class="report" sandbox ' in page.text
    assert 'src="/v/analyses/q3/report.html"' in page.text


async def test_an_unknown_analysis_is_none(console: httpx.AsyncClient) -> None:
    assert (await console.get("/console/analyses/q4")).status_code == 404
