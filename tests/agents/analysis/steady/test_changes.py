"""A change of one site is found with its kind and begin, and good rows have none."""

from pathlib import Path

import pandas as pd
import pytest

from agents.analysis.contract import Contract
from agents.analysis.expectations import changes, refused
from agents.analysis.models import Dataset, Part
from agents.analysis.steady.changes import TooFew, changes_in
from agents.analysis.study import Source, Study
from tests.agents.analysis.steady.planted_series import CONTRACT, KINDS, found, good, planted


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_found_alone(name: str, tmp_path: Path) -> None:
    spoilt = planted(name, seed=3, sites=3)
    changes = found(spoilt.rows, tmp_path)
    assert changes
    assert [str(one) for one in changes if not spoilt.is_found_by(one)] == []


def test_it_says_where_since_when_and_how_much(tmp_path: Path) -> None:
    rows = good(1, 100, 1)
    here = rows["at"] >= "2025-03-01T05:00Z"
    rows["load"] = rows["load"].where(~here, rows["load"] * 1_000)
    (one,) = found(rows, tmp_path)
    text = str(one)
    assert text.startswith(
        "load of site s0 since 2025-03-01 06:00: a median of 3.633e+04 MW, 36.1 before"
    )
    assert text.endswith(", as with thousandths (g for kg, m for km) in place of whole units")
    rows.to_parquet(tmp_path / "part.parquet")
    body = CONTRACT.model_dump(mode="json")
    for breach, refusals in (("refuse", {"readings": text}), ("note", {})):
        body["steady"] = [{"columns": ["load"], "by": ["site"], "breach": breach}]
        contract = Contract.model_validate(body)
        study = Study(name="x", sources=(Source(contract=contract, locations=("x.csv",)),))
        part = Part(source="readings", name="a", file="part.parquet", rows=1, sha256="0" * 64)
        assert (
            refused(changes(study, Dataset(study="x", folder=tmp_path, parts=(part,)))) == refusals
        )


def test_good_rows_few_rows_and_no_rows_have_no_change(tmp_path: Path) -> None:
    rows = good(3, 100, 2)
    assert found(rows, tmp_path) == []
    assert found(rows[:50], tmp_path) == []
    assert found(rows[:0], tmp_path) == []
    unknown = {"temp": pd.Series(dtype="float64"), "mode": pd.Series(dtype="string")}
    assert found(rows.assign(**unknown), tmp_path) == []


def test_a_time_that_is_centuries_off_needs_no_table_of_all_hours_until_then(
    tmp_path: Path,
) -> None:
    rows = good(2, 60, 2)
    late = rows[:1].assign(at=pd.Timestamp("2262-01-01", tz="UTC").as_unit("us"))
    rows = pd.concat([rows, late], ignore_index=True)
    assert [one.kind for one in found(rows, tmp_path) if one.kind == "hours"] == []


def test_a_change_that_people_know_is_not_compared_with_what_was_before(tmp_path: Path) -> None:
    rows = good(1, 100, 1)
    rows["load"] = rows["load"].where(rows["at"] < "2025-02-10", rows["load"] * 2)
    rows.to_parquet(tmp_path / "part.parquet")
    body = CONTRACT.model_dump(mode="json")
    body["steady"] = [{"columns": ["load"], "by": ["site"], "since": "2025-02-10"}]
    (few,) = changes_in(Contract.model_validate(body), [tmp_path / "part.parquet"])
    assert isinstance(few, TooFew)


@pytest.mark.parametrize(
    "days,said",
    [
        (20, ["the level of load of site s1 is steady: 20 days with rows, 30 needed"]),
        (40, ["the share of missing values of load of site s1 is steady: 40 days with rows, 70 needed"]),
        (75, []),
    ],
)  # fmt: skip
def test_too_few_days_are_said_of_the_group_that_has_fewest(
    tmp_path: Path, days: int, said: list[str]
) -> None:
    first, second = good(2, 80, 2), good(2, days, 3)
    rows = pd.concat([first[first["site"] == "s0"], second[second["site"] == "s1"]])
    rows.to_parquet(tmp_path / "part.parquet")
    body = CONTRACT.model_dump(mode="json")
    body["columns"]["at"]["zone"] = "UTC"
    body["steady"] = [{"columns": ["load"], "by": ["site"], "breach": "refuse"}]
    found = changes_in(Contract.model_validate(body), [tmp_path / "part.parquet"])
    assert [str(one).removeprefix("nothing tells yet whether ") for one in found] == said
    assert refused(found) == {}
