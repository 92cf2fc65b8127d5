"""Parquet tables, nested or flat, with what a hostile file may do."""

import sys
from pathlib import Path

import pyarrow as pa
import pytest

from agents.services.files.limits import Limits
from tests.agents.services.files.flat_rows import flat_rows
from tests.agents.services.files.sources import gzipped, order, parquet, read

pytestmark = pytest.mark.slow

ORDERS = [order(number) for number in range(600)]
GOOD = parquet(ORDERS, row_group_size=100)


@pytest.mark.parametrize("name", ["a.parquet", "a.parquet.gz"])
def test_nested_records_are_read(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, name, gzipped(GOOD) if name.endswith("gz") else GOOD)
    assert (found.bodies, found.bad, found.rule) == (ORDERS, [], "")
    assert [item.line for item in found.items] == list(range(1, 601))


def test_a_bad_row_of_a_flat_table_spoils_its_whole_record(tmp_path: Path) -> None:
    rows = [row for body in ORDERS[:4] for row in flat_rows(body)]
    rows = [{"order_id": "", **row, "weight": 1.0} for row in rows]
    rows[3]["weight"] = float("nan")
    rows[4]["lines[].name"] = "a\0b"
    found = read(tmp_path, "a.parquet", parquet(rows))
    assert [body["order_id"] for body in found.bodies] == ["A000", "A003"]
    assert found.bad == [(3, "not-finite", "weight"), (5, "nul", "lines[].name")]
    assert found.items[1].message.count("rule") == 1  # type: ignore[union-attr]


def test_where_no_parquet_can_be_read_the_extra_that_can_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    found = read(tmp_path, "a.parquet", GOOD)
    assert (found.bodies, found.rule) == ([], "missing-extra")


@pytest.mark.parametrize(
    "data, rule",
    [
        (b"", "wrong-format"),
        (b"id,total\n1,2\n", "wrong-format"),
        (b"PARE" + GOOD[4:], "encrypted"),
        (b"PAR1", "corrupt"),
        (b"PAR1PAR1", "corrupt"),
        (GOOD[:-10], "corrupt"),
        (GOOD[: len(GOOD) // 2], "corrupt"),
        (GOOD[:-8] + b"\xff\xff\xff\x7fPAR1", "corrupt"),
        (b"PAR1" + b"\x15" * 5000 + b"\x00\x10\x00\x00PAR1", "corrupt"),
        (parquet(pa.table([[1], [2]], names=["a", "a"])), "duplicate-header"),
        (parquet(pa.table([[1], [2]], names=["a.b", "a"])), "header"),
        (parquet(pa.table([[1]], names=[""])), "header"),
    ],
)
def test_what_is_not_a_whole_table_is_refused(tmp_path: Path, data: bytes, rule: str) -> None:
    found = read(tmp_path, "a.parquet", data)
    assert (found.items, found.rule) == ([], rule)


def test_a_corrupt_page_gives_the_rows_before_it(tmp_path: Path) -> None:
    data = parquet(ORDERS, row_group_size=100, write_page_checksum=True, compression="none",
                   use_dictionary=False)  # fmt: skip
    data = data.replace(b"SKU-450-0", b"SKU-450-X")
    found = read(tmp_path, "a.parquet", data)
    assert found.rule == "corrupt"
    assert found.bodies == ORDERS[: len(found.bodies)]
    assert len(found.bodies) >= 256


def test_a_schema_nested_too_deep_is_refused(tmp_path: Path) -> None:
    kind = pa.int64()
    for _ in range(40):
        kind = pa.struct([("a", kind)])
    data = parquet(pa.Table.from_arrays([pa.nulls(1, kind)], names=["x"]))
    assert read(tmp_path, "a.parquet", data).rule == "too-deep"


def test_a_thousand_levels_are_survived(tmp_path: Path) -> None:
    kind = pa.int64()
    for _ in range(1_000):
        kind = pa.list_(kind)
    data = parquet(pa.Table.from_arrays([pa.nulls(1, kind)], names=["x"]), store_schema=False)
    assert read(tmp_path, "a.parquet", data).rule in {"too-deep", "corrupt"}


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    data = parquet(pa.table({f"c{number}": [1] for number in range(1_001)}))
    assert read(tmp_path, "a.parquet", data).rule == "too-many-columns"


@pytest.mark.slow
@pytest.mark.parametrize("dictionary", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_page_that_decodes_to_too_much_is_refused(tmp_path: Path, dictionary: bool) -> None:
    row = "\0" * (64 << 20)
    data = parquet(pa.table({"x": [row]}), compression="zstd", use_dictionary=dictionary)
    assert len(data) < 100_000
    found = read(tmp_path, "a.parquet", data, Limits(memory_bytes=48 << 20))
    assert found.items == []
    assert found.rule in {"memory", "corrupt"}


@pytest.mark.slow
def test_a_list_that_decodes_to_too_much_is_refused(tmp_path: Path) -> None:
    array = pa.ListArray.from_arrays(
        pa.array([0, 20_000_000], pa.int32()), pa.nulls(20_000_000, pa.int8())
    )
    data = parquet(pa.table({"x": array}))
    found = read(tmp_path, "a.parquet", data, Limits(memory_bytes=100 << 20))
    assert found.rule in {"memory", "corrupt"}


@pytest.mark.slow
def test_many_equal_rows_are_refused_by_number_and_by_size(tmp_path: Path) -> None:
    data = parquet(pa.table({"x": ["abc" * 1000] * 100_000}))
    assert len(data) < 100_000
    assert read(tmp_path, "a.parquet", data, Limits(records=10)).rule == "too-many-records"
    assert read(tmp_path, "a.parquet", data, Limits(file_bytes=1 << 20)).rule == "too-large"
