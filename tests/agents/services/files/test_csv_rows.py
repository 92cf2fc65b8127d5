"""Rows of delimited text end where their quoting ends, wherever pieces and chunks end."""

import csv
import io
import re
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.services.files import lines
from agents.services.files.clock import Clock
from agents.services.files.csv_rows import CsvRows
from agents.services.files.limits import Limits
from agents.services.files.lines import line_pieces
from agents.services.files.outcomes import REFUSES_THE_REST
from agents.services.files.streams import Stream
from tests.agents.services.files.sources import SMALL


def rows(
    data: bytes, limits: Limits = SMALL, *, quotes: bool = True
) -> list[tuple[int, list[str], str]]:
    stream = Stream(io.BytesIO(data), 1 << 30, Clock(9))
    pieces = line_pieces(stream, limits.record_bytes, universal=True)
    found = CsvRows(pieces, limits, quotes=quotes).rows(",")
    return [(row.line, row.cells, row.fault.rule if row.fault else "") for row in found]


@pytest.mark.parametrize(
    "data, expected",
    [
        (b"a,b\n", [(1, ["a", "b"], "")]),
        (b"a,b", [(1, ["a", "b"], "")]),
        (b"a,\n,\n", [(1, ["a", ""], ""), (2, ["", ""], "")]),
        (b'"a,1",b\n', [(1, ["a,1", "b"], "")]),
        (b'"a""1","",b\n', [(1, ['a"1', "", "b"], "")]),
        (b'"a\r\n1",b\nc,d', [(1, ["a\r\n1", "b"], ""), (3, ["c", "d"], "")]),
        (b'a,5" pipe\n', [(1, ["a", '5" pipe'], "")]),
        (b'a,"b\nc,d\n', [(1, ["a"], "unclosed-quote")]),
        (b'"a,b\nc,d\n', [(1, [], "unclosed-quote")]),
        (b'a,"b\nc,"d"\n', [(1, ["a"], "bad-quote")]),
        (b'a,"b"x\nc,d\n', [(1, ["a"], "bad-quote")]),
        (b'a,"', [(1, ["a"], "unclosed-quote")]),
        (b'a, "b\nc,d\n"\ne,f\n', [(1, ["a"], "bad-quote")]),
        (b'\xef\xbb\xbf"b\nc,d\n"\ne,f\n', [(1, [], "bad-quote")]),
        (b'a,\xff"b\nc,d\n"\ne,f\n', [(1, ["a"], "bad-quote")]),
        (b'a,="007"\nc,d\n', [(1, ["a", '="007"'], ""), (2, ["c", "d"], "")]),
        (b'a,"b"\r\nc,d', [(1, ["a", "b"], ""), (2, ["c", "d"], "")]),
        (b"\n\na\n\r\nb\r\rc", [(3, ["a"], ""), (5, ["b"], ""), (7, ["c"], "")]),
    ],
)
def test_rows(data: bytes, expected: list[tuple[int, list[str], str]]) -> None:
    assert rows(data) == expected


@pytest.mark.parametrize("inside", [b"c,d\n", b"c,d\r\n", b"c,d\r", b'""\nc,d\n'])
@pytest.mark.parametrize("times", [1, 100, 10_000])
def test_a_long_row_is_skipped_through_its_closing_quote(inside: bytes, times: int) -> None:
    """However long it is, no line within its quotes is a row, and the next row has its line number."""
    long = b'a,"' + b"x" * 200 + b"\n" + inside * times + b'",z\n'
    lines = 1 + len(long.splitlines())
    assert [(line, rule) for line, _, rule in rows(long + b"e,f\n")] == [
        (1, "row-too-long"),
        (lines, ""),
    ]


def test_a_long_line_is_one_bad_row() -> None:
    data = b"a," + b"x" * 1_000_000 + b",c\nc,d\n"
    (line, found, rule), after = rows(data)
    assert (line, rule, after) == (1, "row-too-long", (2, ["c", "d"], ""))
    assert (found[0], found[2]) == ("a", "c"), "the cells around the long one are known"
    assert len(found[1]) <= 2 * SMALL.record_bytes


def test_the_cells_of_a_long_row_are_not_held() -> None:
    (_, found, rule) = rows(b"," * 200_000)[0]
    assert rule == "row-too-long"
    assert len(found) <= SMALL.record_bytes + 1


cells = st.lists(st.text(alphabet='a",\n\r;\u00e9 ', max_size=5), min_size=2, max_size=4)
line_ends = st.sampled_from(["\n", "\r\n", "\r"])


def written(
    table: list[list[str]], end: str, quoting: Literal[0, 1] = csv.QUOTE_ALL
) -> list[bytes]:
    """Each row as the standard writer writes it."""
    found = []
    for row in table:
        sink = io.StringIO()
        csv.writer(sink, lineterminator=end, quoting=quoting).writerow(row)
        found.append(sink.getvalue().encode())
    return found


# The writer leaves a line end without quotes, unless rows end with it.
dialects = st.tuples(line_ends, st.just(csv.QUOTE_ALL)) | st.just(("\r\n", csv.QUOTE_MINIMAL))


@given(st.lists(cells, max_size=5), dialects, st.integers(1, 40), st.integers(1, 60))
def test_what_the_standard_writer_writes_is_read_at_any_size_of_blocks_and_records(
    table: list[list[str]], dialect: tuple[str, Literal[0, 1]], chunk: int, limit: int
) -> None:
    """Each row is read where it begins, or is one bad row if it is too long; nothing else is a row."""
    expected, line = [], 1
    texts = written(table, *dialect)
    for row, text in zip(table, texts, strict=True):
        if text.strip(b"\r\n"):
            expected.append((line, None if len(text) > limit else row))
        line += len(text.splitlines())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "CHUNK", chunk)
        found = rows(b"".join(texts), Limits(record_bytes=limit))
    assert [(line, None if rule else row) for line, row, rule in found] == expected
    assert {rule for *_, rule in found} <= {"", "row-too-long"}


evil = st.lists(
    st.sampled_from(["Ann", "Ann\nEVIL,1", "Ann\rEVIL,1\r\n", 'Ann ""\nEVIL,"1"\nmore', ""]),
    min_size=2, max_size=2,
)  # fmt: skip


def damaged(data: bytes, kind: str, where: int) -> bytes:
    """The data cut off, or with a fault at one of its quoted cells."""
    if kind == "cut":
        return data[: where % (len(data) + 1)]
    cells = list(re.finditer(rb'"(?:[^"]|"")*"', data))
    cell = cells[where % len(cells)]
    if kind == "unclosed":
        return data[: cell.end() - 1] + data[cell.end() :]
    at, text = (cell.end(), b"x") if kind == "followed" else (cell.start(), kind.encode())
    return data[:at] + text + data[at:]


@given(
    st.lists(evil, min_size=1, max_size=4), line_ends, st.integers(1, 9), st.integers(10, 99),
    st.sampled_from(["cut", "unclosed", "followed", " ", "\t", "\u00a0", "\ufeff", "\0", "\u200b"]),
    st.integers(0, 1_000),
)  # fmt: skip
def test_no_line_inside_a_quoted_cell_is_ever_a_row(
    table: list[list[str]], end: str, chunk: int, limit: int, kind: str, where: int
) -> None:
    data = damaged(b"".join(written(table, end)), kind, where)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "CHUNK", chunk)
        found = rows(data, Limits(record_bytes=limit))
    assert not [row for row in found if row[1] and row[1][0].startswith("EVIL")]
    broken = [rule in REFUSES_THE_REST for *_, rule in found]
    assert not any(broken[:-1]), "one bad row stands for all that follows"


def test_without_quoting_a_quote_is_text_in_lines_of_any_length_and_at_the_end() -> None:
    text = b'"a,5"\n"' + b"x" * 40 + b',"\nlast,"'
    limits = replace(SMALL, record_bytes=16)
    found = rows(text, limits, quotes=False)
    assert [(line, rule) for line, _, rule in found] == [(1, ""), (2, "row-too-long"), (3, "")]
    assert (found[0][1], found[2][1]) == (['"a', '5"'], ["last", '"'])
