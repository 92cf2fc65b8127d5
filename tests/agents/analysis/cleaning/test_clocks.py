"""Of two hours that a change of clocks gives, the order of the rows tells which one is meant."""

from pathlib import Path
from typing import Any

import pytest

from agents.analysis.cleaning import csv_blocks
from agents.analysis.cleaning.partition import Cleaning
from agents.analysis.cleaning.reading import read_tables
from agents.analysis.cleaning.spool import Spool
from agents.analysis.contract import Contract

AUTUMN = ("01:30", "02:00", "02:30", "02:00", "02:30", "03:00")


def utc(tmp_path: Path, rows: list[str], gaps: dict[str, Any] | None = None) -> list[str]:
    """The hours and minutes in UTC of rows of a site and a local time."""
    path = tmp_path / "raw"
    path.write_text("site,at\n" + "".join(f"{row}\n" for row in rows))
    at = {"type": "time", "zone": "Europe/Berlin", "by_order": True}
    body = {"name": "x", "time": "at", "columns": {"site": {"type": "text"}, "at": at}}
    contract = Contract.model_validate(body | ({"gaps": gaps} if gaps else {}))
    with Spool() as spool:
        results = list(
            Cleaning(contract).results(lambda: read_tables([path], "x.csv", contract), spool)
        )
    return [f"{time:%H:%M}" for one in results for time in one.good["at"]]


@pytest.mark.parametrize("block", [20, 1 << 22])
def test_the_second_of_two_hours_follows_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(csv_blocks, "BLOCK", block)
    rows = [f"a,2024-10-27 {time}" for time in AUTUMN]
    assert utc(tmp_path, rows) == ["23:30", "00:00", "00:30", "01:00", "01:30", "02:00"]


@pytest.mark.parametrize("block", [20, 1 << 22])
def test_each_series_has_an_order_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(csv_blocks, "BLOCK", block)
    rows = [f"{site},2024-10-27 {time}" for time in AUTUMN for site in "ab"]
    rows.insert(4, "a,")  # a missing time is none that others follow
    found = utc(tmp_path, rows[:4] + rows[5:], {"every": 1_800, "by": ["site"]})
    each = ["23:30", "00:00", "00:30", "01:00", "01:30", "02:00"]
    assert found == [time for time in each for _ in "ab"]


def test_a_time_that_says_its_zone_stays(tmp_path: Path) -> None:
    rows = ["a,2024-10-27T02:10:00+02:00", "a,2024-10-27T02:00:00+02:00", "a,2024-10-27 02:05"]
    assert utc(tmp_path, rows) == ["00:10", "00:00", "00:05"]
