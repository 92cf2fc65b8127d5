"""The results of a partition: typed rows in Parquet and a quarantine in JSON Lines, always the same bytes."""

from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest

from agents.analysis.clean_partition import clean_partition
from agents.analysis.collect_partition import collect_partition, open_fetcher
from agents.analysis.models import Cleaned, Partition
from agents.analysis.study_store import StudyStore
from agents.runtime.settings import settings
from tests.agents.analysis.cleaning.planted import CONTRACT, planted


async def cleaned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str) -> Cleaned:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path / data))
    settings.cache_clear()
    path = tmp_path / "a.csv"
    path.write_bytes(planted(500, 2, seed=8).text)
    partition = Partition(
        study="readings", source="readings", name="a", location=str(path), validator="1", contract=CONTRACT
    )  # fmt: skip
    async with open_fetcher(settings(), sample=False) as fetcher:
        collected = await collect_partition.call(partition, fetcher)
    outcome: Cleaned = clean_partition.function(partition, collected)
    return outcome


async def test_rows_and_quarantine_are_where_the_result_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await cleaned(tmp_path, monkeypatch, "one")
    folder = StudyStore("readings").folder
    assert pq.read_metadata(folder / one.part).num_rows == one.good
    records = [orjson.loads(line) for line in (folder / one.quarantine).read_bytes().splitlines()]
    assert len(records) == one.quarantined
    assert {"line", "reasons"} <= records[0].keys()


async def test_the_same_input_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await cleaned(tmp_path, monkeypatch, "one")
    assert await cleaned(tmp_path, monkeypatch, "one") == first
    assert (await cleaned(tmp_path, monkeypatch, "two")).sha256 == first.sha256
