"""Every row is good, quarantined or a duplicate, and exactly the bad rows are quarantined."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.analysis.cleaning.partition import RestRefused, UnknownLine, clean
from agents.analysis.cleaning.reading import read_table
from agents.analysis.cleaning.rules import ContractBroken
from agents.analysis.column import Column
from agents.analysis.contract import Contract
from tests.agents.analysis.cleaning.planted import CONTRACT, KINDS, planted

ROWS, EACH = 4_000, 12


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "raw"
    path.write_bytes(content)
    return path


def test_exactly_the_planted_errors_are_found_by_their_rule(tmp_path: Path) -> None:
    plan = planted(ROWS, EACH, seed=5)
    outcome = clean(read_table([written(tmp_path, plan.text)], "x.csv"), CONTRACT)

    found = {record["line"] for record in outcome.quarantine}
    hits = found & plan.errors.keys()
    assert len(hits) / len(found) > 0.99  # precision
    assert len(hits) / len(plan.errors) > 0.99  # recall
    assert outcome.rules == dict.fromkeys([*KINDS, "ragged"], EACH)
    for record in outcome.quarantine:
        found = {f"{one['column']}: {one['rule']}".removeprefix(": ") for one in record["reasons"]}
        assert plan.errors[record["line"]] in found
    assert outcome.deduplicated == plan.repeated == EACH
    assert plan.rows == len(outcome.good) + len(outcome.quarantine) + outcome.deduplicated


def test_good_values_have_their_type_and_zone(tmp_path: Path) -> None:
    plan = planted(50, 1, seed=1)
    good = clean(read_table([written(tmp_path, plan.text)], "x.csv"), CONTRACT).good
    assert good["at"].dtype == pd.DatetimeTZDtype("us", "UTC")
    assert set(good["until"].astype(str)) == {
        "2030-12-31 23:00:00+00:00"
    }  # Berlin is an hour ahead
    assert good["id"].dtype == "Int64"
    assert set(good["works"]) <= {True, False}
    assert "=1+1" in set(good["note"])  # escaped on export only


def test_only_the_bad_value_is_discarded_where_the_contract_says_so(tmp_path: Path) -> None:
    text = planted(200, 1, seed=2).text.splitlines(keepends=True)
    fields = text[3].split(b",")
    text[3] = b",".join([*fields[:7], b"7.5", fields[8]])
    outcome = clean(read_table([written(tmp_path, b"".join(text))], "x.csv"), CONTRACT)
    assert outcome.discarded == {"ratio: range": 1}
    assert len(outcome.good[outcome.good["ratio"].isna()]) == 1


def test_frozen_columns_and_unknown_ones_refuse_the_partition(tmp_path: Path) -> None:
    plain = Contract(
        name="x",
        time="at",
        columns={"at": Column(type="time"), "n": Column(type="integer", bad="freeze")},
    )
    path = written(tmp_path, b"at,n,more\n2025-01-01T00:00:00Z,x,y\n")
    with pytest.raises(ContractBroken, match="'n' breaks rule 'type' in 1 rows"):
        clean(read_table([path], "x.csv"), plain)
    with pytest.raises(ContractBroken, match="more"):
        clean(read_table([path], "x.csv"), plain.model_copy(update={"unknown": "freeze"}))


@pytest.mark.parametrize("way,kept", [("evolve", True), ("discard", False)])
def test_unknown_columns(tmp_path: Path, way: str, kept: bool) -> None:
    contract = Contract.model_validate(
        {"name": "x", "time": "at", "columns": {"at": {"type": "time"}}, "unknown": way}
    )
    path = written(tmp_path, b"at,more\n2025-01-01T00:00:00Z,y\n")
    outcome = clean(read_table([path], "x.csv"), contract)
    assert outcome.unknown == ("more",)
    assert ("more" in outcome.good.columns) is kept


def test_mended_rows_replace_the_quarantined_ones(tmp_path: Path) -> None:
    plan = planted(100, 1, seed=3)
    table = read_table([written(tmp_path, plan.text)], "x.csv")
    before = clean(table, CONTRACT)
    record = next(r for r in before.quarantine if r["reasons"][0]["rule"] == "allowed")
    mended = {record["line"]: record["row"] | {"site": "north"}}

    after = clean(read_table([tmp_path / "raw"], "x.csv"), CONTRACT, mended)

    assert len(after.good) == len(before.good) + 1
    assert len(after.quarantine) == len(before.quarantine) - 1
    with pytest.raises(UnknownLine, match="line 5000"):
        clean(table, CONTRACT, {5_000: {}})


def test_a_row_cannot_replace_the_rest_of_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, b'at,n\n2025-01-01,1\n2025-01-02,"2\n2025-01-03,3\n')
    contract = Contract(name="x", time="at", columns={"at": Column(type="time")})
    (record,) = clean(read_table([path], "x.csv"), contract).quarantine
    assert (record["line"], record["reasons"][0]["rule"]) == (3, "unclosed-quote")
    with pytest.raises(RestRefused, match="line 3 cannot be mended"):
        clean(read_table([path], "x.csv"), contract, {3: {"at": "2025-01-02"}})


@pytest.mark.parametrize("between", [", ", ",\n"])
def test_one_record_of_a_line_is_mended_alone(tmp_path: Path, between: str) -> None:
    contract = Contract(name="x", time="at", columns={"at": Column(type="time", required=True)})
    records = ['{"at": "2025-01-01T00:00:00Z"}', '{"at": "then"}', '{"at": "2025-01-03T00:00:00Z"}']
    path = written(tmp_path, f"[{between.join(records)}]".encode())
    (record,) = clean(read_table([path], "x.json"), contract).quarantine
    mended = {record["line"]: {"at": "2025-01-02T00:00:00Z"}}
    outcome = clean(read_table([path], "x.json"), contract, mended)
    assert sorted(outcome.good["at"].dt.day) == [1, 2, 3]


def test_gaps_are_listed_by_series_apart_from_quarantined_rows(tmp_path: Path) -> None:
    hours = [0, 1, 2, 5, 6]
    rows = "".join(f"2025-01-01T{h:02}:00:00Z,{site},1\n" for h in hours for site in "ab")
    contract = Contract.model_validate(
        {
            "name": "x", "time": "at", "gaps": {"every": 3600, "by": ["site"]},
            "columns": {"at": {"type": "time"}, "site": {"type": "text"}, "n": {"type": "integer"}},
        }
    )  # fmt: skip
    text = f"at,site,n\n{rows}2025-01-01T03:10:00Z,b,x\n".encode()
    series = clean(read_table([written(tmp_path, text)], "x.csv"), contract).series
    assert series is not None
    assert (series.missing, series.expected) == (2 * 2, 2 * 7)
    times = {"from": "2025-01-01T03:00:00+00:00", "to": "2025-01-01T04:00:00+00:00", "missing": 2}
    assert [one.record() for one in series.absences] == [
        {"series": {"site": "a"}, "quarantined": 0} | times,
        {"series": {"site": "b"}, "quarantined": 1} | times,
    ]


cell = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.sampled_from(
    ["", "NA", "1", "-1", "1e400", "nan", "2025-01-01T00:00:00Z", "true", "=cmd()", '"', "1_0", "٣"]
)


@pytest.mark.slow
@given(st.lists(st.lists(cell, min_size=1, max_size=4), max_size=12))
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_row_is_accounted_for_and_a_second_time_gives_the_same(
    tmp_path: Path, rows: list[list[str]]
) -> None:
    contract = Contract(
        name="x",
        time="at",
        key=("n",),
        columns={
            "n": Column(type="integer", required=True, low=0),
            "at": Column(type="time", bad="discard-value"),
            "ok": Column(type="boolean"),
        },
    )
    body = "\n".join(",".join(cells) for cells in rows)
    path = written(tmp_path, f"n,at,ok\n{body}\n".encode())
    table = read_table([path], "x.csv")
    first = clean(table, contract)
    assert table.rows == len(first.good) + len(first.quarantine) + first.deduplicated
    assert sum(first.rules.values()) == len(first.quarantine)
    lines = [record["line"] for record in first.quarantine]
    assert len(lines) == len(set(lines))
    second = clean(read_table([path], "x.csv"), contract)
    assert second.good.equals(first.good)
    assert second.quarantine == first.quarantine
