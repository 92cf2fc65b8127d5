"""A partition that is read in chunks is cleaned as it would be in one go, whatever the form and the rules."""

import io
import weakref
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agents.analysis.cleaning import (
    csv_blocks,
    dependencies,
    hashes,
    keys,
    outliers,
    partition,
    rules,
    series,
    spool,
)
from agents.analysis.cleaning.dependencies import TooManyDisagree
from agents.analysis.cleaning.partition import Cleaning, CleanResult, UnknownLine
from agents.analysis.cleaning.reading import Table, read_tables
from agents.analysis.cleaning.rules import ContractBroken, TooMany
from agents.analysis.cleaning.spool import Spool
from agents.analysis.contract import Contract

WHOLE = 1 << 22
HOUR = 3_600
CONTRACT: dict[str, Any] = {
    "name": "x",
    "time": "at",
    "key": ["id"],
    "in_order": True,
    "gaps": {"every": HOUR, "by": ["site"]},
    "columns": {
        "id": {"type": "integer", "required": True},
        "at": {"type": "time", "required": True},
        "site": {"type": "text", "one_of": ["a", "b"], "spellings": {"A": "a"}},
        "zip": {"type": "text"},
        "city": {"type": "text"},
        "price": {"type": "number", "outliers": 9, "bad": "discard-value"},
        "sold": {"type": "integer", "outliers": 9, "outliers_by": ["site"]},
    },
    "checks": ["id != 7", {"when": "site == 'a'", "then": "sold is present", "severity": "warning"}],
    "dependencies": [{"by": "zip", "same": "city", "repair": "majority"}, {"by": ["city"], "same": ["zip"]}],
}  # fmt: skip
ROWS = 240
Row = dict[str, str]


def made_rows(rng: Random) -> list[Row]:
    """Rows of which some break a rule, in an order that puts those that belong together far apart."""
    made = []
    for number in range(ROWS):
        at = pd.Timestamp("2025-01-01", tz="UTC") + pd.Timedelta(hours=number // 2)
        town = rng.randrange(20)
        made.append(
            {
                "id": str(number),
                "at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                "site": "ab"[number % 2],
                "zip": f"{town:05}",
                "city": f"Town {town}",
                "price": f"{rng.gauss(10, 1):.2f}",
                "sold": str(rng.randrange(90, 110)),
            }
        )
    for changes in (
        {"id": "x"}, {"id": ""}, {"at": "then"}, {"site": "c"}, {"site": "A"}, {"city": "Elsewhere"},
        {"city": " Town 3 "}, {"price": "900"}, {"sold": "9000"}, {"sold": ""}, {"at": "2025-01-01T00:00:00Z"},
        {"id": "9"}, {"id": "9"}, {"zip": "00001"}, {"zip": ""},
    ):  # fmt: skip
        place = rng.randrange(20, ROWS)
        made[place] = made[place] | changes
    for _ in range(6):
        made.append(made[rng.randrange(ROWS)])
    return [row for row in made if not 30 <= int(row["id"] or 0 if row["id"] != "x" else 0) < 38]


def written(table: Sequence[Row], form: str) -> bytes:
    if form == "csv":
        text = "".join(",".join(row.values()) + "\n" for row in table)
        text = ",".join(table[0]) + "\n" + text
        return text.replace("2025-01-02T00:00:00Z", '"2025-01-02T00:00:00Z"').encode() + b"1,2\n"
    if form == "broken.csv":  # of which the rest is read record by record
        return written(table, "csv") + b'\n1,"2\n3,4\n'
    if form == "jsonl":
        more = [row | ({"more": "x"} if n % 50 == 49 else {}) for n, row in enumerate(table)]
        return b"".join(orjson.dumps(row) + b"\n" for row in more)
    if form == "json":
        return orjson.dumps(list(table))
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(table)), sink, row_group_size=50)
    return sink.getvalue()


def cleaned(
    pages: Sequence[Path], form: str, contract: Contract, corrections: dict[int, Any] | None = None
) -> tuple[Cleaning, list[CleanResult]]:
    cleaning = Cleaning(contract, corrections or {})
    with Spool(pages[0].parent) as scratch:
        found = list(cleaning.results(lambda: read_tables(pages, f"x.{form}", contract), scratch))
    return cleaning, found


def facts(cleaning: Cleaning, results: Sequence[CleanResult]) -> dict[str, Any]:
    """All that comes of a partition, in a form that can be compared."""
    good = pd.concat([one.good for one in results], ignore_index=True)
    counts: dict[str, Counter[str]] = {
        name: sum((getattr(one, name) for one in results), Counter())
        for name in ("rules", "discarded", "repaired", "warned")
    }
    quarantine = [_without_blanks(record) for one in results for record in one.quarantine]
    deduplicated = sum(one.deduplicated for one in results)
    assert cleaning.rows == len(good) + len(quarantine) + deduplicated
    assert sum(counts["rules"].values()) == len(quarantine)
    return {
        "good": good.astype("string").fillna("").to_numpy().tolist(),
        "columns": list(good),
        "quarantine": quarantine,
        "deduplicated": deduplicated,
        "log": [_without_blanks(entry) for one in results for entry in one.log.to_pylist()],
        "unknown": cleaning.unknown,
        "series": cleaning.series and [one.record() for one in cleaning.series.absences],
        "times": cleaning.series and cleaning.series.expected,
        **counts,
    }


def _without_blanks(record: dict[str, Any]) -> dict[str, Any]:
    """Without the empty cells of columns that only other chunks have."""
    known = {"row": {k: v for k, v in record.get("row", {}).items() if v is not None}}
    if record.get("kind") == "repeated":
        known["row"] = {k: v for k, v in orjson.loads(record["before"]).items() if v is not None}
        known["before"] = {}
    return record | known


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Every limit is so low that each of its branches is taken."""
    monkeypatch.setattr(csv_blocks, "BLOCK", 3_000)
    monkeypatch.setattr(spool, "IN_MEMORY", 2)
    monkeypatch.setattr(partition, "IN_MEMORY", 2)
    monkeypatch.setattr(hashes, "HELD", 20)
    monkeypatch.setattr(keys, "CELLS", 30)
    monkeypatch.setattr(series, "MOST_RUNS", 5)
    return monkeypatch


@pytest.mark.parametrize(
    "form,declared",
    [
        ("csv", {}),
        ("broken.csv", {"wins": "highest at"}),
        ("jsonl", {"wins": "last"}),
        ("json", {"key": []}),
        ("parquet", {"gaps": None}),
    ],
)
def test_chunks_give_what_the_whole_gives(
    tmp_path: Path, small: pytest.MonkeyPatch, form: str, declared: dict[str, Any]
) -> None:
    contract = Contract.model_validate(CONTRACT | declared)
    path = tmp_path / "raw"
    path.write_bytes(written(made_rows(Random(3)), form))
    in_chunks, results = cleaned([path], form, contract)
    found = facts(in_chunks, results)
    small.setattr(csv_blocks, "BLOCK", WHOLE)
    whole, single = cleaned([path], form, contract)
    assert len(results) > 3
    assert len(single) <= 2  # what is not clear begins a table of its own
    assert found == facts(whole, single)
    assert found["rules"]["sold: outlier by site"] == found["discarded"]["price: outlier"] == 1
    assert found["repaired"]["city: same by zip"] >= 1
    assert found["deduplicated"] >= 5


def test_pages_are_read_in_chunks_too(tmp_path: Path, small: pytest.MonkeyPatch) -> None:
    contract = Contract.model_validate(CONTRACT)
    pages = [tmp_path / "1", tmp_path / "2"]
    table = made_rows(Random(4))
    pages[0].write_bytes(written(table[:100], "csv"))
    pages[1].write_bytes(written(table[100:], "csv"))
    line = 1_000_003
    corrections = {line: table[101] | {"city": "Town 1", "zip": "00001"}}
    found = facts(*cleaned(pages, "csv", contract, corrections))
    small.setattr(csv_blocks, "BLOCK", WHOLE)
    assert found == facts(*cleaned(pages, "csv", contract, corrections))
    assert max(record["line"] for record in found["quarantine"]) > 1_000_000
    with pytest.raises(UnknownLine, match="line 500"):
        cleaned(pages, "csv", contract, {500: {}})


@pytest.mark.usefixtures("small")
def test_what_refuses_a_partition_is_counted_over_all_chunks(tmp_path: Path) -> None:
    path = tmp_path / "raw"
    path.write_bytes(b"id,n\n" + b"".join(b"%d,%d\n" % (n, n % 10) for n in range(1_000)))
    n: dict[str, Any] = {"type": "integer", "low": 1}
    for field, expected, error in (
        ({"bad": "freeze"}, "in 100 rows", ContractBroken),
        ({"mostly": 0.95}, "100 of 1,000 rows", TooMany),
    ):
        columns = {"id": {"type": "integer"}, "n": n | field}
        body = {"name": "x", "columns": columns}
        with pytest.raises(error, match=expected):
            cleaned([path], "csv", Contract.model_validate(body))


@pytest.mark.parametrize("wins,left", [("", 1), ("last", 1), ("highest n", 1), ("first", 1)])
def test_a_key_that_nearly_all_rows_share(
    tmp_path: Path, small: pytest.MonkeyPatch, wins: str, left: int
) -> None:
    """Of so many rows only those are in memory that may still win."""
    path = tmp_path / "raw"
    path.write_bytes(b"site,n\n" + b"".join(b"a,%d\n" % (n * 37 % 1_000) for n in range(1_000)))
    columns = {"site": {"type": "text"}, "n": {"type": "integer"}}
    contract = Contract.model_validate(
        {"name": "x", "key": ["site"], "wins": wins, "columns": columns}
    )
    most = list[int]()
    compare = keys.losers

    def watched(values: pd.DataFrame, by: Contract) -> tuple[pd.DataFrame, pd.Index]:
        most.append(len(values))
        return compare(values, by)

    small.setattr(keys, "losers", watched)
    small.setattr(csv_blocks, "BLOCK", 500)
    found = facts(*cleaned([path], "csv", contract))
    expected = {"": 0, "first": 0, "last": 999 * 37 % 1_000, "highest n": 999}[wins]
    assert found["good"] == [["a", str(expected)]]
    assert max(most) < 250
    assert left == len(found["good"])


@pytest.mark.usefixtures("small")
def test_of_equal_rows_the_last_one_is_the_last(tmp_path: Path) -> None:
    path = tmp_path / "raw"
    path.write_bytes(b"id,n\n1,1\n1,2\n1,1\n")
    columns = {"id": {"type": "integer"}, "n": {"type": "integer"}}
    body = {"name": "x", "key": ["id"], "wins": "last", "columns": columns}
    found = facts(*cleaned([path], "csv", Contract.model_validate(body)))
    assert found["good"] == [["1", "1"]]
    assert [(one["line"], one["rule"], one["after"]) for one in found["log"]] == [
        (2, "equal", "line 4"), (3, "last", "line 4"),
    ]  # fmt: skip


def test_a_dependency_that_most_groups_break_is_none(
    tmp_path: Path, small: pytest.MonkeyPatch
) -> None:
    small.setattr(dependencies, "MOST_DISAGREEING", 50)
    path = tmp_path / "raw"
    path.write_bytes(b"a,b\n" + b"".join(b"%d,%d\n" % (n % 100, n) for n in range(300)))
    columns = {name: {"type": "integer"} for name in "ab"}
    body = {"name": "x", "columns": columns, "dependencies": [{"by": "a", "same": "b"}]}
    with pytest.raises(TooManyDisagree, match="more than 50 different values of 'b'"):
        cleaned([path], "csv", Contract.model_validate(body))


def test_the_median_of_very_many_values_is_that_of_a_sample(
    tmp_path: Path, small: pytest.MonkeyPatch
) -> None:
    small.setattr(outliers, "MOST_VALUES", 300)
    rng = Random(5)
    path = tmp_path / "raw"
    lines = [f"{n},{rng.gauss(10, 1):.3f}\n" for n in range(1_000)]
    lines[900] = "900,99\n"
    path.write_text("id,n\n" + "".join(lines))
    columns = {"id": {"type": "integer"}, "n": {"type": "number", "outliers": 8}}
    found = facts(
        *cleaned([path], "csv", Contract.model_validate({"name": "x", "columns": columns}))
    )
    assert [record["line"] for record in found["quarantine"]] == [902]


@pytest.mark.usefixtures("small")
def test_each_different_text_is_checked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = Contract.model_validate(CONTRACT)
    path = tmp_path / "raw"
    path.write_bytes(written(made_rows(Random(6)), "csv"))
    found = facts(*cleaned([path], "csv", contract))
    monkeypatch.setattr(rules, "FEW", 10)
    looked_at = list[int]()
    check = rules._checked

    def watched(cells: pd.Series, *declared: Any) -> Any:
        looked_at.append(len(cells))
        return check(cells, *declared)

    monkeypatch.setattr(rules, "_checked", watched)
    assert facts(*cleaned([path], "csv", contract)) == found
    assert min(looked_at) < 5


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_few_chunks_are_in_memory_at_once(
    tmp_path: Path, small: pytest.MonkeyPatch, form: str
) -> None:
    small.setattr(csv_blocks, "BLOCK", 1_000)
    contract = Contract.model_validate({"name": "x", "columns": {"id": {"type": "text"}}})
    path = tmp_path / "raw"
    path.write_bytes(written(made_rows(Random(7)), form))
    alive, most, count = 0, 0, 0

    def gone() -> None:
        nonlocal alive
        alive -= 1

    def watched() -> Iterator[Table]:
        nonlocal alive, most, count
        for table in read_tables([path], f"x.{form}", contract):
            weakref.finalize(table.cells, gone)
            alive, count = alive + 1, count + 1
            most = max(most, alive)
            yield table

    with Spool(tmp_path) as scratch:
        assert sum(1 for _ in Cleaning(contract).results(watched, scratch)) == count // 2
    assert count > 20
    assert most <= 2 + spool.IN_MEMORY
