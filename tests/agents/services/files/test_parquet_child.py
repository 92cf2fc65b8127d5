"""Arrow's values become JSON values or bad rows; nothing is rounded, nothing is unpickled."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.agents.services.files.sources import parquet, read

pytestmark = pytest.mark.slow


def table(array: pa.Array) -> pa.Table:
    return pa.table({"id": [f"A{row}" for row in range(len(array))], "x": array})


VALUES = [
    (pa.array([1], pa.uint8()), 1),
    (pa.array([2**63 - 1], pa.uint64()), 2**63 - 1),
    (pa.array([1.5], pa.float32()), 1.5),
    (pa.array([True]), True),
    (pa.array([Decimal("12.30")], pa.decimal128(9, 2)), "12.30"),
    (pa.array([Decimal(12)], pa.decimal128(9, 0)), 12),
    (pa.array([b"abc"], pa.binary()), "abc"),
    (pa.array(["e\u0301"]), "\u00e9"),
    (pa.array(["a"]).dictionary_encode(), "a"),
    (pa.array([dt.date(2024, 2, 29)]), "2024-02-29"),
    (pa.array([dt.time(1, 2, 3)]), "01:02:03"),
    (pa.array([dt.datetime(2024, 1, 2, 3, 4, 5)], pa.timestamp("us")), "2024-01-02T03:04:05"),  # noqa: DTZ001
    (pa.array([0], pa.timestamp("ms", "UTC")), "1970-01-01T00:00:00+00:00"),
    (pa.array([1_000], pa.timestamp("ns")), "1970-01-01T00:00:00.000001"),
    (pa.array([{"a": None, "b": [1]}]), {"b": [1]}),
    (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), {"k": 1}),
    (pa.array([[{"a": "b"}]]), [{"a": "b"}]),
]
BAD = [
    (pa.array([2**63], pa.uint64()), "integer-range", "x"),
    (pa.array([float("nan")]), "not-finite", "x"),
    (pa.array([[1.0, float("-inf")]]), "not-finite", "x[1]"),
    (pa.array([b"\xff"], pa.binary()), "encoding", "x"),
    (pa.array([1], pa.timestamp("ns")), "bad-value", "x"),
    (pa.array([2**62], pa.timestamp("us")), "bad-value", "x"),
    (pa.array([2**50], pa.timestamp("s")), "bad-value", "x"),
    (pa.array([2**30], pa.date32()), "bad-value", "x"),
    (pa.array([1], pa.duration("s")), "unsupported-type", "x"),
    (pa.array([[("k", 1), ("k", 2)]], pa.map_(pa.string(), pa.int64())), "bad-value", "x"),
    (pa.array([[(1, 1)]], pa.map_(pa.int64(), pa.int64())), "unsupported-type", "x"),
    (pa.array(["a\0b"]), "nul", "x"),
    (pa.array(["y" * 70_000]), "field-too-long", "x"),
    (pa.array(["y" * 2_000_000]), "row-too-long", ""),
]


def test_values_become_json_values(tmp_path: Path) -> None:
    columns: dict[str, Any] = {f"c{number}": array for number, (array, _) in enumerate(VALUES)}
    found = read(tmp_path, "a.parquet", parquet(pa.table(columns)))
    assert (found.bad, found.rule) == ([], "")
    assert found.bodies == [{f"c{number}": value for number, (_, value) in enumerate(VALUES)}]


def test_a_value_without_json_form_spoils_its_row_only(tmp_path: Path) -> None:
    count = len(BAD)
    columns: dict[str, Any] = {"id": [str(row) for row in range(count + 1)]}
    for number, (array, _, _) in enumerate(BAD):
        before, after = pa.nulls(number, array.type), pa.nulls(count - number, array.type)
        columns[f"x{number}"] = pa.concat_arrays([before, array, after])
    found = read(tmp_path, "a.parquet", parquet(pa.table(columns)))
    assert found.bodies == [{"id": str(count)}]
    assert found.bad == [
        (number + 1, rule, field.replace("x", f"x{number}"))
        for number, (_, rule, field) in enumerate(BAD)
    ]


def test_text_that_is_not_utf8_spoils_its_row_only(tmp_path: Path) -> None:
    text = pa.array([b"a", b"\xff", b"c"], pa.binary()).view(pa.string())
    found = read(tmp_path, "a.parquet", parquet(table(text)))
    assert [body["x"] for body in found.bodies] == ["a", "c"]
    assert found.bad == [(2, "encoding", "x")]


@pytest.mark.parametrize(
    "days, items",
    [
        (0, [{"id": "A0", "x": "1970-01-01T00:00:00"}]),
        (120_000, [{"id": "A0", "x": "2298-07-20T00:00:00"}]),
        (3_000_000, []),
    ],
)
def test_int96_timestamps_beyond_nanoseconds_do_not_wrap(
    tmp_path: Path, days: int, items: list[object]
) -> None:
    epoch, shifted = ((2_440_588 + day).to_bytes(4, "little") for day in (0, days))
    data = parquet(
        table(pa.array([0], pa.timestamp("ns"))),
        use_dictionary=False,
        compression="none",
        use_deprecated_int96_timestamps=True,
    )
    assert epoch in data
    found = read(tmp_path, "a.parquet", data.replace(epoch, shifted))
    assert (found.bodies, len(found.items), found.rule) == (items, 1, "")


def test_pandas_metadata_are_never_unpickled(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    pickled = b"cposix\nsystem\n(S'touch " + str(canary).encode() + b"'\ntR."
    evil = {b"pandas": pickled, b"ARROW:extension:name": b"arrow.py_extension_type",
            b"ARROW:extension:metadata": pickled}  # fmt: skip
    field = pa.field("x", pa.int64(), metadata=evil)
    data = parquet(pa.Table.from_arrays([pa.array([1])], schema=pa.schema([field], evil)))
    assert read(tmp_path, "a.parquet", data).bodies == [{"x": 1}]
    assert not canary.exists()
