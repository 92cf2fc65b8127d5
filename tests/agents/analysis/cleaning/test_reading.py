"""Files of every form become tables, and each error names its line."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agents.analysis.cleaning import csv_blocks
from agents.analysis.cleaning.reading import Table, read_table
from agents.services.files.outcomes import SourceError


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes, str], Table]:
    def read(content: bytes, name: str) -> Table:
        path = tmp_path / "raw"
        path.write_bytes(content)
        return read_table([path], name)

    return read


@pytest.mark.parametrize(
    "content,rule,line",
    [
        (b"a,b\n1,2\n1,2,3\n3,4\n", "ragged", 3),
        (b"a,b\n1,2\n1\n3,4\n", "ragged", 3),
        (b"a,b\n1,2\n\xff,9\n3,4\n", "encoding", 3),
        (b'a,b\n1,2\n"x,9\n5,6\n', "unclosed-quote", 3),
        (b'a,b\n1,2\n3,"x\n5,6\n"y\n7,8\n', "bad-quote", 3),
    ],
)
def test_one_bad_line_leaves_the_others_as_rows(
    read: Callable[[bytes, str], Table], content: bytes, rule: str, line: int
) -> None:
    table = read(content, "x.csv")
    assert [(one.line, one.rule) for one in table.bad] == [(line, rule)]
    assert table.cells["a"].astype(str).tolist()[0] == "1"
    assert table.lines.tolist()[0] == 2


def test_the_lines_are_those_of_the_file(read: Callable[[bytes, str], Table]) -> None:
    table = read(b"a,b\n1,2\nx,y,z\n3,4\n5,6\n", "x.csv")
    assert [one.line for one in table.bad] == [3]
    assert table.lines.tolist() == [2, 4, 5]
    table = read(b"a,b\n1,2\nx,y,z\n3,4\n\n5,6\n", "x.csv")  # a blank line is none
    assert table.lines.tolist() == [2, 4, 6]


def test_lines_are_right_behind_quoted_line_breaks(read: Callable[[bytes, str], Table]) -> None:
    content = b'a,b\n1,"x\r\ny"\n1,2,3\n2,"p\n\nq"\r\n3,4,"\n"\n5,6\n'
    table = read(content, "x.csv")
    assert [(one.line, one.rule) for one in table.bad] == [(4, "ragged"), (8, "ragged")]
    assert table.lines.tolist() == [2, 5, 10]
    assert table.cells["b"].tolist() == ["x\r\ny", "p\n\nq", "6"]


cells = st.text(alphabet='a",\n\r\u00e9 ', max_size=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("blocks")


@given(
    st.lists(st.lists(cells, min_size=1, max_size=3), max_size=8),
    st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(",;\t|"), st.integers(8, 64),
)  # fmt: skip
@hypothesis_settings(deadline=None)
def test_a_table_read_in_blocks_of_any_size_has_the_rows_that_were_written(
    folder: Path, rows: list[list[str]], end: str, delimiter: str, block: int
) -> None:
    """No line break within quotes begins a row, and each row, good or ragged, is where it was written."""
    sink, good, ragged = io.StringIO(), list[Any](), list[Any]()
    writer = csv.writer(sink, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    sink.write(f"a{delimiter}b{end}")
    for row in rows:
        line = 1 + len(sink.getvalue().encode().splitlines())
        (good if len(row) == 2 else ragged).append((line, row))
        writer.writerow(row)
    path = folder / "raw"
    path.write_text(sink.getvalue(), encoding="utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "BLOCK", block)
        table = read_table([path], "x.csv")
    found = table.cells.reindex(columns=["a", "b"]).astype("object")
    shown = found.where(found.notna(), "")
    assert list(zip(table.lines, shown.to_numpy().tolist(), strict=True)) == good
    assert [one.line for one in table.bad] == [line for line, _ in ragged]
    assert {one.rule for one in table.bad} <= {"ragged", "ragged-row"}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_quoted_line_break_at_the_edge_of_a_block_of_a_large_file(
    tmp_path: Path, end: str
) -> None:
    """About 6 MB with line breaks within quotes: every row is good and its cell is whole."""
    note = f"l1 {'z' * 70}{end}l2"
    path = tmp_path / "raw"
    rows = "".join(f'{n},"{note}"{end}' for n in range(65_000))
    path.write_text(f"n,note{end}" + rows, encoding="utf-8", newline="")
    table = read_table([path], "x.csv")
    assert (table.rows, table.bad) == (65_000, [])
    assert table.cells["note"].unique().tolist() == [note]
    assert table.lines.tolist() == list(range(2, 130_002, 2))


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.jsonl", "x.json", "x.parquet"])
def test_the_same_rows_in_every_form(read: Callable[[bytes, str], Table], name: str) -> None:
    rows = [{"a": "1", "b": "x"}, {"a": "2", "b": None}]
    text = b"a,b\n1,x\n2,\n"
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    content = {
        "x.csv": text,
        "x.csv.gz": gzip.compress(text),
        "x.jsonl": b"".join(json.dumps(row).encode() + b"\n" for row in rows),
        "x.json": json.dumps(rows).encode(),
        "x.parquet": sink.getvalue().to_pybytes(),
    }[name]
    table = read(content, name)
    assert table.cells["a"].tolist() == ["1", "2"]
    assert table.cells["b"].isna().tolist() == [False, True]
    assert not table.bad


@pytest.mark.parametrize(
    "content,name",
    [
        (b"PAR1garbagePAR1", "x.parquet"),
        (b"not gzip", "x.csv.gz"),
        (b"a,b\n", "x.exe"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-6], "x.csv.gz"),
        (b"\xff\xfea\x00,\x00b\x00", "x.csv"),
    ],
    ids=["damaged", "not packed", "another suffix", "cut off", "UTF-16"],
)
def test_a_file_that_is_no_table_is_refused(
    read: Callable[[bytes, str], Table], content: bytes, name: str
) -> None:
    with pytest.raises(SourceError):
        read(content, name)


def test_a_cut_parquet_file_and_lists_in_one(read: Callable[[bytes, str], Table]) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": [[1], [2]]}), sink)
    content = sink.getvalue().to_pybytes()
    with pytest.raises(SourceError, match="lists"):
        read(content, "x.parquet")
    with pytest.raises(SourceError, match="cannot be read"):
        read(content[:-20] + b"PAR1", "x.parquet")


def test_pandas_metadata_is_ignored(read: Callable[[bytes, str], Table]) -> None:
    table = pa.Table.from_pandas(pd.DataFrame({"a": [1]}, index=pd.Index([7], name="b")))
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({b"pandas": b"{not json"}), sink)
    assert set(read(sink.getvalue().to_pybytes(), "x.parquet").cells.columns) == {"a", "b"}


def test_pages_are_one_table_with_different_lines(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / str(number)).write_bytes(b"a\n1\n2\n")
    table = read_table([tmp_path / "0", tmp_path / "1"], "x.csv")
    assert table.lines.tolist() == [2, 3, 1_000_002, 1_000_003]


def test_the_lines_of_long_pages_differ(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / str(number)).write_bytes(b"a,b\n" + b"1,2\n" * 1_000_001 + b"1\n")
    table = read_table([tmp_path / "0", tmp_path / "1"], "x.csv")
    lines = {*table.lines, *(one.line for one in table.bad)}
    assert len(lines) == table.rows == 2_000_004
    assert max(lines) == 11_000_003


def test_a_header_alone_has_no_rows_and_an_empty_file_is_no_table(
    read: Callable[[bytes, str], Table],
) -> None:
    assert read(b"a,b\n", "x.csv").rows == 0
    with pytest.raises(SourceError, match="header"):
        read(b"", "x.csv")


@pytest.mark.parametrize("line", ["{}{}", "{}\n{}"], ids=["at once", "record by record"])
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_cells_are_unchanged(tmp_path: Path, delimiter: str, before: bytes, line: str) -> None:
    rows = [["id", "a.b", "a.c"], ["007", "1.0", "x"]]
    header, row = (delimiter.join(cells) + "\n" for cells in rows)
    path = tmp_path / "raw"
    path.write_bytes(before + line.format(header, row).encode())
    table = read_table([path], "x.csv")
    assert table.cells.to_dict("records") == [{"id": "007", "a.b": "1.0", "a.c": "x"}]
    assert table.header == ("id", "a.b", "a.c")


def written_as_parquet(tmp_path: Path, column: pa.Array) -> Path:
    path = tmp_path / "raw"
    pq.write_table(pa.table({"v": column}), path)
    return path


@pytest.mark.parametrize(
    "column,cells",
    [
        (pa.array([7, None]), ["7", None]),
        (pa.array([2**63 + 5, None], pa.uint64()), ["9223372036854775813", None]),
        (pa.array([True, None]), ["True", None]),
        (pa.array(["x", None]).dictionary_encode(), ["x", None]),
        (pa.array([b"x", None]), ["x", None]),
    ],
    ids=["whole", "long", "boolean", "dictionary", "bytes"],
)
def test_cells_of_parquet_are_unchanged_beside_missing_ones(
    tmp_path: Path, column: pa.Array, cells: list[str | None]
) -> None:
    table = read_table([written_as_parquet(tmp_path, column)], "x.parquet")
    text = table.cells["v"].astype("string[pyarrow]").astype("object")
    assert text.where(text.notna(), None).tolist() == cells


@pytest.mark.parametrize(
    "column,rule",
    [
        (pa.array([[1], [2]]), "nested"),
        (pa.array([timedelta(1), None]), "duration"),
        (pa.array([b"\xff", None]), "corrupt"),
    ],
    ids=["lists", "durations", "bytes"],
)
def test_values_of_parquet_that_are_no_cells_are_refused(
    tmp_path: Path, column: pa.Array, rule: str
) -> None:
    with pytest.raises(SourceError) as refused:
        read_table([written_as_parquet(tmp_path, column)], "x.parquet")
    assert refused.value.rule == rule
