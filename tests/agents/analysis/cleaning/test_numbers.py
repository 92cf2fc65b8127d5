"""No number becomes another one: it is published as the source has it, or its row says why it is not."""

import json
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.analysis.cleaning.numbers import inexact, integers, numbers
from agents.analysis.cleaning.partition import CleanResult, clean
from agents.analysis.cleaning.reading import read_table
from agents.analysis.cleaning.steps import check
from agents.analysis.column import Column
from agents.analysis.contract import Contract

LONG = 2**53 + 1  # 9007199254740993, which a float makes 9007199254740992
LIMITS = [2**63 - 1, -(2**63), LONG, -LONG, 0]


def cleaned(path: Path, content: bytes, name: str, **column: object) -> CleanResult:
    path.write_bytes(content)
    contract = Contract.model_validate(
        {
            "name": "x", "time": "at", "key": ["n"],
            "columns": {"at": {"type": "time"}, "n": {"type": "integer", **column}},
        }
    )  # fmt: skip
    return clean(read_table([path], name), contract)


def written(values: list[int], name: str) -> bytes:
    """The integers as a file of that kind, one row each, and one row without a value."""
    if name.endswith("csv"):
        return b"at,n\n" + b"".join(b"2024-01-01,%d\n" % n for n in values) + b"2024-01-01,\n"
    rows = [{"at": "2024-01-01", "n": n} for n in [*values, None]]
    if name.endswith("jsonl"):
        return "\n".join(map(json.dumps, rows)).encode()
    sink = pa.BufferOutputStream()
    kind = {"int.parquet": pa.int64(), "decimal.parquet": pa.decimal128(20, 0)}[name]
    pq.write_table(pa.Table.from_pylist(rows, pa.schema([("at", pa.string()), ("n", kind)])), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "int.parquet", "decimal.parquet"])
def test_integers_are_published_as_they_are(tmp_path: Path, name: str) -> None:
    """Also neighbours that one float stands for: they are different keys."""
    values = [*LIMITS, LONG - 1, LONG + 1]
    result = cleaned(tmp_path / "raw", written(values, name), name)
    assert (result.quarantine, result.deduplicated) == ([], 0)
    table = pa.Table.from_pandas(result.good, preserve_index=False)
    assert table.column("n").to_pylist() == [*values, None]


@pytest.mark.parametrize("kind,rule", [("integer", "type"), ("number", "precision")])
@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.json"])
def test_a_number_that_cannot_be_held_is_quarantined_as_it_is_written(
    tmp_path: Path, name: str, kind: str, rule: str
) -> None:
    number = {"integer": "9007199254740993.5", "number": "9007199254740993"}[kind]
    rows = {
        "x.csv": f"at,n\n2024-01-01,{number}\n",
        "x.jsonl": f'{{"at": "2024-01-01", "n": {number}}}\n',
        "x.json": f'[{{"at": "2024-01-01", "n": {number}}}]',
    }
    (record,) = cleaned(tmp_path / "raw", rows[name].encode(), name, type=kind).quarantine
    assert record["reasons"] == [{"column": "n", "rule": rule, "found": number}]
    assert record["row"]["n"] == number


def test_a_column_may_say_that_it_rounds(tmp_path: Path) -> None:
    content = b"at,n\n2024-01-01,3.3333333333333333\n"
    assert cleaned(tmp_path / "raw", content, "x.csv", type="number").rules == {"n: precision": 1}
    rounded = cleaned(tmp_path / "raw", content, "x.csv", type="number", rounds=True)
    assert rounded.good["n"].tolist() == [3.3333333333333333]


@pytest.mark.parametrize(
    "cell,value",
    [
        ("007", 7), ("+7", 7), (" 7 ", 7), ("7.0", 7), ("1e3", 1_000), ("-0", 0), ("0e9", 0),
        (f"{LONG}.0", LONG), ("0" * 30 + "7", 7), ("9223372036854775807", 2**63 - 1), ("9.1e1", 91),
        ("9223372036854775808", None), ("-9223372036854775809", None), ("1e19", None), ("7.5", None),
        ("1e999999999", None), ("1e-999999999", None), ("1,234", None), ("inf", None), ("1_0", None),
        ("0x10", None), ("٣", None), ("1 000", None), ("true", None), ("", None),
    ],
)  # fmt: skip
def test_integers_of_text(cell: str, value: int | None) -> None:
    (found,) = integers(pd.Series([cell], dtype="string"), 1)
    assert (None if pd.isna(found) else found) == value


@pytest.mark.parametrize(
    "cells,values",
    [
        (pd.Series([2.0**53 - 1, 2.0**53, 7.5, float("inf"), None]), [2**53 - 1, None, None, None, None]),
        (pd.Series([2**24 - 1, 2**24], dtype="float32"), [2**24 - 1, None]),
        (pd.Series([2**63 - 1, 2**63, 2**64 - 1, None], dtype="UInt64"), [2**63 - 1, None, None, None]),
        (pd.Series([LONG, True, "7", 7.0, None], dtype="object"), [LONG, None, 7, 7, None]),
        (pd.Series([Decimal(LONG), Decimal("7.10"), 2**70], dtype="object"), [LONG, None, None]),
        (pd.Series([True, False]), [None, None]),
        (pd.Series(pd.to_datetime(["2024-01-01"])), [None]),
    ],
)  # fmt: skip
def test_integers_of_other_cells(cells: pd.Series, values: list[int | None]) -> None:
    """A float that may have been another integer is none, and neither is a boolean or a time."""
    found = integers(cells, 1)
    assert [None if pd.isna(one) else one for one in found] == values


def test_a_scale_makes_integers_or_nothing() -> None:
    cells = pd.Series([LONG, 1_500, 2**62], dtype="Int64")
    assert integers(cells, 60).isna().tolist() == [False, False, True]
    assert integers(cells, 60)[0] == LONG * 60
    assert integers(cells, 0.01).isna().tolist() == [True, False, True]
    assert integers(cells, 0.01)[1] == 15


def test_bounds_of_integers_do_not_round_what_they_are_compared_with() -> None:
    column = Column.model_validate({"type": "integer", "low": 0.5, "high": LONG - 1})
    contract = Contract(name="x", time="at", columns={"at": Column(type="time"), "n": column})
    cells = pd.DataFrame({"n": pd.Series([LONG, LONG - 1, 1, 0], dtype="Int64")})
    (violation,) = check(cells, contract).violations
    assert (violation.rule, violation.rows.tolist()) == ("range", [True, False, False, True])


@given(
    st.lists(st.integers(-(2**64), 2**64) | st.floats() | st.decimals(allow_nan=False), max_size=5)
)
def test_a_number_of_any_kind_is_the_same_or_none(values: list[object]) -> None:
    """In text, and as objects, beside others or alone."""
    for cells in (pd.Series(map(str, values), dtype="string"), pd.Series(values, dtype="object")):
        for given_one, found in zip(values, integers(cells, 1), strict=True):
            assert pd.isna(found) or found == Decimal(str(given_one))
        for given_one, found, lost in zip(values, numbers(cells, 1), inexact(cells), strict=True):
            if not lost and not pd.isna(found) and isinstance(given_one, int | float):
                assert found == given_one


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_was_a_float_stays_that_float(number: float) -> None:
    cells = pd.Series([repr(number), f"{number:.17g}", f"{number:.25e}"], dtype="string")
    assert not inexact(cells).any()
    assert numbers(cells, 1).tolist() == [number] * 3
