"""The profile of a column has its unit, what is missing, and how its values are spread."""

from pathlib import Path

import pandas as pd

from agents.analysis.contract import Contract
from agents.analysis.reporting.figures import amount, figure
from agents.analysis.reporting.profiles import profiles
from agents.runtime.model_registry import Interval

CONTRACT = Contract.model_validate(
    {
        "name": "x",
        "time": "at",
        "columns": {
            "at": {"type": "time", "zone": "Europe/Berlin"},
            "load": {"type": "number", "unit": "MW", "owner": "grid"},
            "count": {"type": "integer"},
            "site": {"type": "text", "description": "where"},
        },
    }
)


def test_every_kind_of_column(tmp_path: Path) -> None:
    at = pd.date_range("2025-01-01", periods=100, freq="h", tz="UTC")
    load = pd.Series([*range(99), None], dtype="float64")
    rows = {"at": at, "load": load, "count": 7, "site": ["a"] * 75 + ["b"] * 25, "id": range(100)}
    pd.DataFrame(rows).astype({"id": "string"}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"at": at[:0]}).to_parquet(tmp_path / "b.parquet")  # has not every column
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    found = {one.name: one for one in profiles(CONTRACT, files)}
    assert found["at"].shows == "2025-01-01 01:00 to 2025-01-05 04:00"
    load_of = found["load"]
    assert (load_of.kind, load_of.missing, load_of.about) == ("number, MW", "1.0 %", "grid")
    assert load_of.shows == "0 to 98 MW, median 49 MW"
    assert max(load_of.bars) == 1
    assert (found["count"].shows, found["count"].bars) == ("7 to 7, median 7", ())
    assert found["site"].shows == "a 75 %, b 25 %"
    assert found["id"].kind == "not in the contract"
    assert found["id"].shows.startswith("100 different")


def test_nothing_published_has_no_profile(tmp_path: Path) -> None:
    assert profiles(CONTRACT, []) == []
    pd.DataFrame({"load": pd.Series(dtype="float64")}).to_parquet(tmp_path / "a.parquet")
    assert profiles(CONTRACT, [tmp_path / "a.parquet"]) == []


def test_figures_have_the_digits_that_mean_something() -> None:
    assert [amount(x) for x in (11_180.432, 0.91634, -1.037)] == ["11,180", "0.916", "-1.04"]
    assert figure(Interval(value=2, low=1.5, high=2500.4)) == "2 [1.5, 2,500]"
    assert figure(None) == ""
