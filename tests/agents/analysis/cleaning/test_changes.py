"""Whatever cleaning changes in good rows, or leaves out, stands in its log with its line and its rule."""

from pathlib import Path
from typing import Any

import pytest

from agents.analysis.cleaning.partition import CleanResult, clean
from agents.analysis.cleaning.reading import read_table
from agents.analysis.contract import Contract

COLUMNS = {
    "id": {"type": "integer", "required": True},
    "at": {"type": "time"},
    "city": {"type": "text", "spellings": {"NYC": "New York"}},
    "n": {"type": "number", "low": 0, "bad": "discard-value"},
    "m": {"type": "number", "high": 9, "severity": "warning"},
}
TABLE = b"""id,at,city,n,m
1,2024-01-01,NYC,-1,10
2,2024-01-02, Ulm ,1,1
x,2024-01-03,NYC,-1,10
1,2024-01-01,NYC,-1,10
2,2024-01-01,Bonn,2,2
2,2024-01-05,Bonn,3,
3,,Ulm,,1
"""


def cleaned(tmp_path: Path, **more: Any) -> CleanResult:
    (tmp_path / "raw").write_bytes(TABLE)
    contract = Contract.model_validate({"name": "x", "time": "at", "columns": COLUMNS} | more)
    table = read_table([tmp_path / "raw"], "x.csv", contract)
    outcome = clean(table, contract)
    assert table.rows == len(outcome.good) + len(outcome.quarantine) + outcome.deduplicated
    return outcome


def entries(outcome: CleanResult) -> list[tuple[Any, ...]]:
    return [tuple(one.values()) for one in outcome.log.to_pylist()]


def test_each_change_of_a_good_row_is_logged(tmp_path: Path) -> None:
    outcome = cleaned(tmp_path)
    row = '{"id":"1","at":"2024-01-01","city":"NYC","n":"-1","m":"10"}'
    assert entries(outcome) == [
        (2, "discarded", "n", "range", "-1", None),
        (2, "repaired", "city", "spelling", "NYC", "New York"),
        (2, "warned", "m", "range", "10", "10"),
        (3, "repaired", "city", "trimmed", " Ulm ", "Ulm"),
        (5, "repeated", "", "equal", row, "line 2"),
    ]
    assert outcome.discarded == {"n: range": 1}
    assert outcome.repaired == {"city: spelling": 1, "city: trimmed": 1}
    assert outcome.warned == {"m: range": 1}
    assert outcome.good["m"].tolist()[0] == 10


@pytest.mark.parametrize(
    "wins,cities,replaced",
    [
        ("first", ["New York", "Ulm", "Ulm"], {5: "line 2", 6: "line 3", 7: "line 3"}),
        ("last", ["New York", "Bonn", "Ulm"], {2: "line 5", 3: "line 7", 6: "line 7"}),
        ("highest at", ["New York", "Bonn", "Ulm"], {2: "line 5", 3: "line 7", 6: "line 7"}),
        ("lowest at", ["New York", "Bonn", "Ulm"], {2: "line 5", 3: "line 6", 7: "line 6"}),
        ("lowest n", ["New York", "Ulm", "Ulm"], {2: "line 5", 6: "line 3", 7: "line 3"}),
    ],
)
def test_the_row_that_wins_by_the_contract_replaces_the_others(
    tmp_path: Path, wins: str, cities: list[str], replaced: dict[int, str]
) -> None:
    outcome = cleaned(tmp_path, key=["id"], wins=wins)
    assert outcome.good.sort_values("id")["city"].tolist() == cities
    log = [one for one in outcome.log.to_pylist() if one["kind"] == "repeated"]
    assert {one["line"]: one["after"] for one in log} == replaced
    assert {one["rule"] for one in log} == {"equal", wins}


def test_without_a_winner_other_values_are_quarantined(tmp_path: Path) -> None:
    outcome = cleaned(tmp_path, key=["id"])
    assert outcome.rules == {"id: type": 1, "key: other values": 2}
    assert outcome.deduplicated == 1
