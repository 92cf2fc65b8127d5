"""Every row of every form is good, quarantined or a duplicate, and each form of the same rows gives the same."""

import asyncio
import gzip
import io
import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.analysis.cleaning import csv_blocks
from agents.analysis.cleaning.partition import Cleaning, CleanResult, clean
from agents.analysis.cleaning.reading import Table, read_table, read_tables
from agents.analysis.cleaning.spool import Spool
from agents.analysis.collecting.databases import queried
from agents.analysis.collecting.documents import Document, keep
from agents.analysis.collecting.folders import with_folders
from agents.analysis.collecting.workbooks import sheet_rows
from agents.analysis.contract import Contract

CONTRACT = Contract.model_validate(
    {
        "name": "x",
        "key": ["id"],
        "wins": "highest n",
        "missing": ["NA"],
        "columns": {
            "id": {"type": "integer", "required": True},
            "site": {"type": "text", "spellings": {"B": "b"}},
            "city": {"type": "text"},
            "n": {"type": "number", "decimal": ",", "low": 0, "bad": "discard-value"},
        },
        "checks": [
            {"when": "site == 'a'", "then": "n is present", "severity": "warning"},
            "id < 6",
        ],
        "dependencies": [{"by": "site", "same": "city", "repair": "majority"}],
    }
)
PLAIN = ("csv", "jsonl", "json", "parquet")
FORMS = (*PLAIN, "quoted", "csv.gz", "csv.zip", "xlsx", "sql")
ROW = st.fixed_dictionaries(
    {
        "id": st.sampled_from([*"1234567", "x", None]),
        "site": st.sampled_from(["a", "b", "B", "NA", None]),
        "city": st.sampled_from(["Ulm", " Ulm", "Bonn", "Köln", None]),
        "n": st.sampled_from(["1", "2,5", "-1", "2.5", "", None]),
    }
).filter(lambda row: any(row.values()))  # a row of a sheet without any cell is none
Rows = list[dict[str, str | None]]


def written(rows: Rows, form: str) -> bytes:
    if form in {"csv", "quoted"}:
        names = ["id", "site", "city", "n"]
        if form == "quoted":  # then it is read record by record
            names = [f'"{name}"' for name in names]
        lines = [";".join(row[name] or "" for name in CONTRACT.columns) for row in rows]
        return "\n".join([";".join(names), *lines, ""]).encode()
    if form.startswith("csv."):
        return packed(written(rows, "csv"), form)
    if form == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    if form == "json":
        return json.dumps(rows).encode()
    sink = pa.BufferOutputStream()
    schema = pa.schema([(name, pa.string()) for name in CONTRACT.columns])
    pq.write_table(pa.Table.from_pylist(rows, schema), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def packed(content: bytes, form: str) -> bytes:
    if form == "csv.gz":
        return gzip.compress(content, 1)
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("x.csv", content)
    return sink.getvalue()


def collected(folder: Path, rows: Rows, form: str) -> tuple[Path, str]:
    """The rows as collecting leaves them for cleaning, and the name that tells the format."""
    path = folder / "raw"
    if form == "sql":
        return folder / asyncio.run(asked(folder, rows)).sha256, "x.jsonl"
    if form == "xlsx":
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("x")
        for cells in (
            CONTRACT.columns,
            *([row[name] for name in CONTRACT.columns] for row in rows),
        ):
            sheet.append(list(cells))
        book.save(path)
        return folder / keep(folder, sheet_rows(path, ""), ".jsonl").sha256, "x.jsonl"
    path.write_bytes(written(rows, form))
    return path, f"x.{form.replace('quoted', 'csv')}"


async def asked(folder: Path, rows: Rows) -> Document:
    names = list(CONTRACT.columns)
    (folder / "x.db").unlink(missing_ok=True)
    with closing(sqlite3.connect(folder / "x.db", isolation_level=None)) as database:
        database.execute(f"create table x ({' text, '.join(names)} text)")
        places = ", ".join(f":{name}" for name in names)
        database.executemany(f"insert into x values ({places})", rows)
    url = f"sqlite+aiosqlite:///{folder / 'x.db'}"
    return await queried(url, "select * from x order by rowid", folder)


def outcome(folder: Path, rows: Rows, form: str) -> CleanResult:
    path, name = collected(folder, rows, form)
    return accounted(read_table([path], name, CONTRACT), rows)


def accounted(table: Table, rows: Rows) -> CleanResult:
    found = clean(table, CONTRACT)
    assert table.rows == len(rows)
    assert len(rows) == len(found.good) + len(found.quarantine) + found.deduplicated
    assert sum(found.rules.values()) == len(found.quarantine)
    kinds = found.log["kind"].to_pylist()
    assert kinds.count("repeated") == found.deduplicated
    assert kinds.count("discarded") == found.discarded.total()
    assert kinds.count("repaired") == found.repaired.total()
    assert kinds.count("warned") == found.warned.total()
    assert not found.good["id"].duplicated().any()
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forms")


@given(st.lists(ROW, min_size=1, max_size=9))
@settings(deadline=None, max_examples=5, suppress_health_check=[HealthCheck.too_slow])
def test_all_forms_give_the_same(folder: Path, rows: Rows) -> None:
    first = outcome(folder, rows, "csv")
    for form in FORMS[1:]:
        other = outcome(folder, rows, form)
        assert other.good.astype("object").fillna("").equals(first.good.astype("object").fillna(""))
        assert other.rules == first.rules


@given(st.lists(ROW, min_size=1, max_size=9), st.sampled_from(["a", "B", "NA"]))
@settings(deadline=None, max_examples=5, suppress_health_check=[HealthCheck.too_slow])
def test_a_column_of_the_folders_is_as_one_of_the_file(folder: Path, rows: Rows, site: str) -> None:
    """Folders such as site=a."""
    rows = [row | {"site": site} for row in rows]
    path, _ = collected(folder, rows, "parquet")
    pq.write_table(pq.read_table(path).drop_columns("site"), path)
    names = {"site": site}
    other = accounted(with_folders(read_table([path], "x.parquet", CONTRACT), names), rows)
    first = outcome(folder, rows, "csv")
    assert other.good.astype("object").fillna("").equals(first.good.astype("object").fillna(""))
    assert other.rules == first.rules


@pytest.mark.campaign
@given(st.lists(ROW, min_size=1, max_size=40))
@settings(deadline=None, max_examples=500, suppress_health_check=list(HealthCheck))
def test_no_row_is_lost_in_any_form(folder: Path, rows: Rows) -> None:
    for form in FORMS:
        outcome(folder, rows, form)


@pytest.mark.campaign
@given(st.lists(ROW, min_size=1, max_size=40), st.integers(20, 400), st.sampled_from(PLAIN))
@settings(deadline=None, max_examples=1_000, suppress_health_check=list(HealthCheck))
def test_no_row_is_lost_in_chunks_of_any_size(
    folder: Path, rows: Rows, block: int, form: str
) -> None:
    whole = outcome(folder, rows, form)
    path = folder / "raw"
    with pytest.MonkeyPatch.context() as patch, Spool(folder) as spool:
        patch.setattr(csv_blocks, "BLOCK", block)
        cleaning = Cleaning(CONTRACT)
        results = list(cleaning.results(lambda: read_tables([path], f"x.{form}", CONTRACT), spool))
    good = pd.concat([one.good for one in results], ignore_index=True)
    assert good.astype("object").fillna("").equals(whole.good.astype("object").fillna(""))
    assert [r["line"] for one in results for r in one.quarantine] == [
        record["line"] for record in whole.quarantine
    ]
    assert sum(one.deduplicated for one in results) == whole.deduplicated
    assert cleaning.rows == len(rows)
