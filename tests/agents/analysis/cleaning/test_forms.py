"""Values in the forms that sources write them in: words for none, marks of numbers, times, spellings, headers."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agents.analysis.cleaning.partition import CleanResult, clean
from agents.analysis.cleaning.reading import read_table
from agents.analysis.cleaning.rules import ContractBroken
from agents.analysis.cleaning.values import plain_numbers, typed
from agents.analysis.column import Column
from agents.analysis.contract import Contract
from agents.services.files.outcomes import SourceError


def contract(columns: dict[str, Any], **more: Any) -> Contract:
    at = {"at": {"type": "time"}}
    return Contract.model_validate({"name": "x", "time": "at", "columns": at | columns} | more)


def cleaned(tmp_path: Path, content: bytes, by: Contract, name: str = "x.csv") -> CleanResult:
    path = tmp_path / "raw"
    path.write_bytes(content)
    return clean(read_table([path], name, by), by)


def found(cell: object, **declared: Any) -> object:
    column = Column.model_validate(declared)
    (value,) = typed(plain_numbers(pd.Series([cell], dtype="object"), column), column)
    return None if pd.isna(value) else value


def written(cells: list[str | None], name: str) -> bytes:
    """A column s with these cells."""
    if name == "x.csv":
        lines = [f"2024-01-0{day},{cell or ''}" for day, cell in enumerate(cells, 1)]
        return "\n".join(["at,s", *lines]).encode()
    rows = [{"at": f"2024-01-0{day}", "s": cell} for day, cell in enumerate(cells, 1)]
    if name == "x.jsonl":
        return "\n".join(map(json.dumps, rows)).encode()
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet"])
def test_a_word_is_text_unless_the_contract_says_that_it_is_missing(
    tmp_path: Path, name: str
) -> None:
    content = written(["NA", "DE", None], name)
    plain = cleaned(tmp_path, content, contract({"s": {"type": "text"}}), name)
    assert plain.good["s"].fillna("?").tolist() == ["NA", "DE", "?"]
    said = cleaned(tmp_path, content, contract({"s": {"type": "text"}}, missing="NA"), name)
    assert said.good["s"].fillna("?").tolist() == ["?", "DE", "?"]
    own = {"s": {"type": "text", "missing": []}}
    assert cleaned(tmp_path, content, contract(own, missing="NA"), name).good["s"][0] == "NA"


QUOTED = 'at,s,n\n,NA,NA\n,"NA","NA"\n,"" ,1\n," NA ",2\n, NA ,3\n,"-",4\n,-,5\n,"""NA""",6\n'


@pytest.mark.parametrize("head", ["", '"at",s,n\n'], ids=["by Arrow", "by record"])
def test_a_word_in_quotes_is_text(tmp_path: Path, head: str) -> None:
    """Only for texts; for numbers quotes say nothing."""
    text = (head + QUOTED.partition("\n")[2] if head else QUOTED).replace('"" ,', ",")
    by = contract({"s": {"type": "text"}, "n": {"type": "integer"}}, missing="NA")
    outcome = cleaned(tmp_path, text.encode(), by)
    assert outcome.rules == {}
    assert outcome.good["s"].fillna("?").tolist() == [
        "?", "NA", "?", "NA", "?", "-", "-", "NA",
    ]  # fmt: skip
    assert outcome.good["n"].fillna(0).tolist() == [0, 0, 1, 2, 3, 4, 5, 6]
    own = contract({"s": {"type": "text", "missing": ["-", '"-"']}, "n": {"type": "text"}})
    mine = cleaned(tmp_path, text.encode(), own).good["s"].fillna("?").tolist()
    assert mine == ["NA", "?", "NA", "NA", "?", "?", '"NA"']  # the first two rows are the same


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet"])
def test_spaces_around_a_word_and_alone_stand_for_no_value(tmp_path: Path, name: str) -> None:
    content = written([" NA ", "  ", "a"], name)
    by = contract({"s": {"type": "text", "required": True}}, missing="NA")
    outcome = cleaned(tmp_path, content, by, name)
    assert outcome.rules == {"s: missing": 2}
    bare = contract({"s": {"type": "text", "required": True}})
    assert cleaned(tmp_path, content, bare, name).rules == {"s: missing": 1}


@pytest.mark.parametrize(
    "cell,value",
    [
        ("1.234,5", 1234.5),
        (" -1.234.567 ", -1234567.0),
        ("12,5", 12.5),
        (",5", 0.5),
        ("1.5", None),  # neither a thousand nor a decimal
        ("1,234.5", None),
        ("12.34", None),
        (1.5, 1.5),  # a number of JSON is one already
        (True, None),
    ],
)
def test_decimal_comma_and_thousands(cell: object, value: object) -> None:
    assert found(cell, type="number", decimal=",", thousands=".") == value


def test_thousands_of_integers() -> None:
    assert found("1 234", type="integer", thousands=" ") == 1_234
    assert found("12 34", type="integer", thousands=" ") is None


@pytest.mark.parametrize(
    "form,cell,time",
    [
        ("%Y/%m/%d", "2012/01/02", "2012-01-01T23:00Z"),
        ("%d.%m.%Y %H:%M", "31.01.2024 12:30", "2024-01-31T11:30Z"),
        ("%d.%m.%Y %H:%M %z", "31.01.2024 12:30 +0000", "2024-01-31T12:30Z"),
        ("%Y/%m/%d", "2012-01-02", None),
        ("epoch-s", "1717243200", "2024-06-01T12:00Z"),
        ("epoch-s", 1717243200.25, "2024-06-01T12:00:00.25Z"),
        ("epoch-ms", "1717243200001", "2024-06-01T12:00:00.001Z"),
        ("epoch-us", 1717243200000001, "2024-06-01T12:00:00.000001Z"),
        ("epoch-ns", "1717243200000001999", "2024-06-01T12:00:00.000001Z"),
        ("epoch-s", "1717243200000", None),  # these are milliseconds
        ("epoch-ms", "2024-06-01", None),
    ],
)
def test_formats_of_times(form: str, cell: object, time: str | None) -> None:
    value = found(cell, type="time", format=form, zone="Europe/Berlin")
    assert value == (pd.Timestamp(time) if time else None)


@pytest.mark.parametrize(
    "zone,cell,declared,time",
    [
        ("Europe/Berlin", "2024-10-27 02:30", {"ambiguous": "earlier"}, "2024-10-27T00:30Z"),
        ("Europe/Berlin", "2024-10-27 02:30", {"ambiguous": "later"}, "2024-10-27T01:30Z"),
        ("Europe/Berlin", "2024-10-27 02:30", {"skipped": "later"}, None),
        ("Europe/Berlin", "2024-03-31 02:30", {"skipped": "earlier"}, "2024-03-31T00:30Z"),
        ("Europe/Berlin", "2024-03-31 02:30", {"skipped": "later"}, "2024-03-31T01:30Z"),
        ("Australia/Lord_Howe", "2024-10-06 02:10", {"skipped": "later"}, "2024-10-05T15:40Z"),
        ("Europe/Berlin", "2024-03-31 02:30", {"ambiguous": "later"}, None),
        ("Europe/Berlin", "2024-06-01 12:00", {"ambiguous": "later", "skipped": "later"}, "2024-06-01T10:00Z"),
    ],
)  # fmt: skip
def test_hours_that_are_there_twice_or_not_at_all(
    zone: str, cell: str, declared: dict[str, str], time: str | None
) -> None:
    value = found(cell, type="time", zone=zone, **declared)
    assert value == (pd.Timestamp(time) if time else None)


def test_numbers_may_be_listed(tmp_path: Path) -> None:
    by = contract({"n": {"type": "integer", "one_of": [1, 2]}, "x": {"type": "number", "one_of": [0.5]}})  # fmt: skip
    outcome = cleaned(tmp_path, b"at,n,x\n,1,0.50\n,3,0.5\n,02,0.4\n", by)
    assert outcome.rules == {"n: allowed": 1, "x: allowed": 1}


def test_spellings_are_replaced_before_the_rules_and_noted(tmp_path: Path) -> None:
    by = contract({"s": {"type": "text", "one_of": ["New York"], "spellings": {"NYC": "New York"}}})
    outcome = cleaned(tmp_path, b"at,s\n,NYC\n2024-01-01, NYC \n,Ulm\n", by)
    assert outcome.good["s"].tolist() == ["New York", "New York"]
    assert outcome.rules == {"s: allowed": 1}


def test_columns_may_have_other_names_in_the_source(tmp_path: Path) -> None:
    by = contract({"sold": {"type": "integer", "named": "Units Sold", "required": True}})
    assert cleaned(tmp_path, b"at,Units Sold\n,3\n", by).good["sold"].tolist() == [3]
    with pytest.raises(ContractBroken, match="has the name that another column is given"):
        cleaned(tmp_path, b"at,Units Sold,sold\n,3,4\n", by)


def test_a_file_without_a_header(tmp_path: Path) -> None:
    by = contract({"n": {"type": "integer"}}, header=["at", "n"])
    outcome = cleaned(tmp_path, b"2024-01-01;1\n2024-01-02;x\n2024-01-03\n2024-01-04;4\n", by)
    assert outcome.good["n"].tolist() == [1, 4]
    assert [(one["line"], one["reasons"][0]["rule"]) for one in outcome.quarantine] == [
        (2, "type"),
        (3, "ragged"),
    ]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_an_encoding_may_be_named(tmp_path: Path, encoding: str, name: str) -> None:
    text = 'at,s\n2024-01-01,"Müller ß"\n' if name == "x.csv" else '{"s": "Müller ß"}\n'
    by = contract({"s": {"type": "text"}}, encoding=encoding)
    assert cleaned(tmp_path, text.encode(encoding), by, name).good["s"].tolist() == ["Müller ß"]


def test_text_that_is_not_of_the_named_encoding_is_refused(tmp_path: Path) -> None:
    by = contract({"s": {"type": "text"}}, encoding="ascii")
    with pytest.raises(SourceError, match="is not ascii"):
        cleaned(tmp_path, "at,s\n,Müller\n".encode(), by)
