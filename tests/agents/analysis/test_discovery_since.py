"""A growing source is asked for rows since the latest published time, less the late hours."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest

from agents.analysis.column import Column
from agents.analysis.contract import Contract
from agents.analysis.discovery import EPOCH, discover_partitions, latest_published, location_since
from agents.analysis.models import Dataset, Part
from agents.analysis.sample.serving import serving
from agents.analysis.study import Source, Study
from agents.analysis.study_store import StudyStore
from agents.runtime.settings import settings
from agents.services.fetching.fetcher import Fetcher

CONTRACT = Contract(name="x", time="at", columns={"at": Column(type="time")})


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path / "data"))
    settings.cache_clear()


def source(*locations: str, late: float = 0.0) -> Source:
    return Source(contract=CONTRACT.model_copy(update={"late_hours": late}), locations=locations)


def published(*times: str) -> None:
    store = StudyStore("x")
    store.folder.mkdir(parents=True, exist_ok=True)
    at = pd.to_datetime(list(times), utc=True).as_unit("us")
    pd.DataFrame({"at": at}).to_parquet(store.folder / "a.parquet")
    part = Part(source="x", name="a", file="a.parquet", rows=len(times), sha256="0" * 64)
    store.publish(Dataset(study="x", folder=store.folder, parts=(part,)))


def test_the_first_run_asks_for_everything_and_the_next_for_newer_rows() -> None:
    assert latest_published("x", source("u")) == EPOCH
    published("2025-03-01T10:00:00Z", "2025-03-02T10:00:00Z")
    assert latest_published("x", source("u")) == datetime(2025, 3, 2, 10, tzinfo=UTC)
    late = latest_published("x", source("u", late=36))
    assert late == datetime(2025, 3, 2, 10, tzinfo=UTC) - timedelta(hours=36)


def test_a_row_with_a_future_time_does_not_stop_the_source() -> None:
    published("2025-03-02T10:00:00Z", "2062-03-02T10:00:00Z")
    before = datetime.now(UTC)
    assert before <= latest_published("x", source("u")) <= datetime.now(UTC)


def test_the_time_is_in_the_url_and_in_the_name() -> None:
    location, name = location_since("http://h/x.csv?from={since}", datetime(2025, 3, 2, tzinfo=UTC))
    assert parse_qs(urlsplit(location).query)["from"] == ["2025-03-02T00:00:00Z"]
    assert name == "since-20250302t000000"


async def test_without_an_etag_the_content_shows_a_change(tmp_path: Path) -> None:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.csv").write_text("at\n", encoding="utf-8")
    with serving(folder) as server:
        server.silent = True
        async with Fetcher(tmp_path / "store", frozenset({server.host})) as fetcher:
            study = Study(name="x", sources=(source(server.url(folder / "a.csv")),))
            (before,) = (await discover_partitions(study, fetcher)).partitions
            assert (await discover_partitions(study, fetcher)).partitions[0].key == before.key
            (folder / "a.csv").write_text("at\n2025-01-01\n", encoding="utf-8")
            assert (await discover_partitions(study, fetcher)).partitions[0].key != before.key
