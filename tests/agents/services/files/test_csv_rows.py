"""Rows of delimited text: quotes may span lines, but an unclosed one costs one line."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.services.files.clock import Clock
from agents.services.files.csv_rows import CsvRows
from agents.services.files.limits import Limits
from agents.services.files.lines import physical_lines
from agents.services.files.outcomes import SourceError
from agents.services.files.streams import Stream
from tests.agents.services.files.sources import SMALL


def rows(data: bytes, limits: Limits = SMALL) -> list[tuple[int, list[str], str]]:
    lines = physical_lines(
        Stream(io.BytesIO(data), 1 << 30, Clock(9)), limits.record_bytes, universal=True
    )
    found = CsvRows(lines, limits, Clock(9)).rows(",")
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
        (b'a,"b\nc,d\n', [(1, ["a"], "unclosed-quote"), (2, ["c", "d"], "")]),
        (b'"a,b\nc,d\n', [(1, ["a"], "unclosed-quote"), (2, ["c", "d"], "")]),
        (b'a,"b\nc,"d"\n', [(1, ["a"], "bad-quote"), (2, ["c", "d"], "")]),
        (b'a,"b"x\nc,d\n', [(1, ["a"], "bad-quote"), (2, ["c", "d"], "")]),
        (b'a,"', [(1, ["a"], "unclosed-quote")]),
        (b"\n\na\n\r\nb\r\rc", [(3, ["a"], ""), (5, ["b"], ""), (7, ["c"], "")]),
    ],
)
def test_rows(data: bytes, expected: list[tuple[int, list[str], str]]) -> None:
    assert rows(data) == expected


def test_an_unclosed_quote_does_not_swallow_the_file() -> None:
    data = b'a,"b\n' + b"c,d\n" * 1000
    found = rows(data)
    assert found[0] == (1, ["a"], "unclosed-quote")
    assert [line for line, cells, _ in found if cells == ["c", "d"]] == list(range(2, 1002))


def test_a_quoted_cell_is_not_held_beyond_the_limit() -> None:
    found = rows(b'a,"b\n' + b"c,d\n" * 100 + b'e",f\n')
    assert found[0] == (1, ["a"], "unclosed-quote")
    assert len(found) == 102


def test_a_long_line_is_one_bad_row() -> None:
    data = b"a," + b"x" * 1_000_000 + b"\nc,d\n"
    assert rows(data) == [(1, ["a"], "row-too-long"), (2, ["c", "d"], "")]


def test_a_quoted_cell_may_not_reach_over_a_long_line() -> None:
    data = b'a,"b\n' + b"x" * 500 + b'\n"c",d\n'
    assert [(line, rule) for line, _, rule in rows(data)] == [
        (1, "unclosed-quote"), (2, "row-too-long"), (3, ""),
    ]  # fmt: skip


def test_scanning_again_and_again_ends_at_the_deadline() -> None:
    lines = physical_lines(Stream(io.BytesIO(b'"a\n' * 9), 99, Clock(9)), 99, universal=True)
    with pytest.raises(SourceError, match="deadline"):
        list(CsvRows(lines, Limits(), Clock(1e-9)).rows(","))


cells = st.lists(st.text(alphabet='a",\n;\u00e9 ', max_size=5), min_size=2, max_size=4)


@given(st.lists(cells, max_size=4))
def test_what_the_standard_writer_writes_is_read(table: list[list[str]]) -> None:
    sink = io.StringIO()
    csv.writer(sink, lineterminator="\n").writerows(table)
    assert [found for _, found, _ in rows(sink.getvalue().encode(), Limits())] == table
