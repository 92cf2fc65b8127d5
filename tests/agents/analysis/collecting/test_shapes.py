"""Archives of several files, workbooks and folders become rows; nothing in them is lost without a word."""

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from agents.analysis.cleaning.reading import read_table
from agents.analysis.collecting.declared import Collecting
from agents.analysis.collecting.documents import Document, keep
from agents.analysis.collecting.folders import with_folders
from agents.analysis.collecting.shapes import shaped
from agents.services.files.outcomes import SourceError


def archive(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as packed:
        for name, content in members.items():
            packed.writestr(zipfile.ZipInfo(name), content, compression)  # of no time
    return buffer.getvalue()


def shapes(store: Path, content: bytes, form: str, **collect: str) -> list[Document]:
    return list(shaped(keep(store, [content], form), store, Collecting.model_validate(collect)))


def test_the_members_of_a_zip_that_match_are_pages(tmp_path: Path) -> None:
    content = archive({"README.txt": b"x", "d/b.csv": b"n\n2\n", "d/a.csv": b"n\n1\n"})
    documents = shapes(tmp_path, content, ".zip", members="*.csv")
    assert [(tmp_path / one.sha256).read_bytes() for one in documents] == [b"n\n1\n", b"n\n2\n"]
    assert {one.form for one in documents} == {".csv"}


@pytest.mark.parametrize(
    "members,pattern,rule",
    [
        ({"a.csv": b"n\n"}, "*.json", "members"),
        ({"../a.csv": b"n\n"}, "*.csv", "traversal"),
        ({"a.zip": archive({"b.csv": b""})}, "*", "wrong-format"),
        ({f"{n}.csv": b"" for n in range(1_001)}, "*", "members"),
        ({"a.csv": bytes(12 << 20)}, "*", "bomb"),
    ],
)
def test_an_archive_that_is_not_harmless_is_refused(
    tmp_path: Path, members: dict[str, bytes], pattern: str, rule: str
) -> None:
    with pytest.raises(SourceError) as error:
        shapes(tmp_path, archive(members), ".zip", members=pattern)
    assert error.value.rule == rule


def workbook(**sheets: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_a_sheet_has_rows_with_their_types(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        [None, None],
        ["at", "n", None],
        [datetime(2025, 1, 2, 3), 1, None, "beside"],  # noqa: DTZ001 - workbooks know no zones
        [None, None],
        ["x", 1.25, True],
    ]
    content = workbook(other=[["a"]], data=rows)
    (one,) = shapes(tmp_path, content, ".xlsx", sheet="data")
    lines = (tmp_path / one.sha256).read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"at": "2025-01-02T03:00:00", "n": 1, "column 4": "beside"},
        {"at": "x", "n": 1.25, "column 3": True},
    ]
    table = read_table([tmp_path / one.sha256], f"x{one.form}")
    assert table.rows == 2
    with pytest.raises(SourceError, match="no sheet 'none'; there are other, data"):
        shapes(tmp_path, content, ".xlsx", sheet="none")


@pytest.mark.parametrize(
    "content,rule",
    [
        (b"PK\x03\x04", "corrupt"),
        (archive({"xl/workbook.xml": b"<"}), "corrupt"),
        (archive({"xl/sharedStrings.xml": bytes(12 << 20)}), "bomb"),
        (archive({f"{n}": b"" for n in range(1_001)}), "too-large"),
    ],
)
def test_a_workbook_that_is_not_harmless_is_refused(
    tmp_path: Path, content: bytes, rule: str
) -> None:
    with pytest.raises(SourceError) as error:
        shapes(tmp_path, content, ".xlsx")
    assert error.value.rule == rule


@pytest.mark.parametrize(
    "form,content", [(".csv", b"n\n1\n2\n"), (".jsonl", b'{"n":1}\n{"n":2}\n')]
)
def test_folders_are_columns_of_each_row(tmp_path: Path, form: str, content: bytes) -> None:
    document = keep(tmp_path, [content], form)
    table = read_table([tmp_path / document.sha256], f"x{form}")
    found = with_folders(table, {"year": "2024", "n": "7"})
    assert list(found.cells["year"]) == ["2024", "2024"]
    assert list(map(int, found.cells["n"])) == [1, 2], "a column of the file itself stays"
    assert form == ".jsonl" or found.header == ("n", "year")
