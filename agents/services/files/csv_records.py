"""Records written as CSV: a header of column names, then rows."""

import re
from collections.abc import Callable, Iterator

from agents.services.files.columns import Column, columns
from agents.services.files.csv_rows import CsvRow, CsvRows
from agents.services.files.limits import Limits
from agents.services.files.lines import line_pieces
from agents.services.files.nesting import Row, nested
from agents.services.files.outcomes import BadRecord, Fault, Record, SourceError
from agents.services.files.streams import Stream
from agents.services.files.text import clean

_DELIMITERS = (",", ";", "\t", "|")
_QUOTED = re.compile(r'"[^"]*"?')
_INTEGER = re.compile(r"-?[1-9][0-9]{0,18}|0")
_INT64 = 1 << 63


def csv_records(
    stream: Stream, limits: Limits, integers: frozenset[str]
) -> Iterator[Record | BadRecord]:
    """The records; cells of the columns in `integers` become integers if they are canonical ones."""
    reader = CsvRows(line_pieces(stream, limits.record_bytes, universal=True), limits)
    first = reader.header()
    if first is None:
        raise SourceError("empty", "the file is empty: CSV needs a header line")
    rows = reader.rows(delimiter_of(first.data))
    table = columns(_names(next(rows)), limits)
    cells = _Cells(table, integers, limits)
    return nested(table, (cells.row(row) for row in rows), limits)


def delimiter_of(header: bytes) -> str:
    """Comma, semicolon, tab or bar: whichever stands most often in the header outside of quotes."""
    bare = _QUOTED.sub("", header.decode(errors="surrogateescape"))
    return max(_DELIMITERS, key=bare.count)


def _names(header: CsvRow) -> list[str]:
    if header.fault is not None:
        raise SourceError("header", f"the header cannot be read: {header.fault.text}")
    if not _is_utf8(header.raw):
        raise SourceError("encoding", "the header is not UTF-8")
    return header.cells


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Cells:
    """Makes table rows of CSV rows."""

    def __init__(self, table: list[Column], integers: frozenset[str], limits: Limits) -> None:
        self._table, self._limits = table, limits
        self._read: list[Callable[[str], object]] = [
            _integer if column.name in integers else _text for column in table
        ]

    def row(self, row: CsvRow) -> Row:
        """The row with clean, typed cells, or with the fault of its first bad one."""
        fault = row.fault or self._shape(row)
        cells = row.cells
        harmless = row.raw.isascii() and b"\0" not in row.raw
        if fault is None and not (harmless and len(row.raw) <= self._limits.field_bytes):
            cells, fault = self._cleaned(row.cells)
        # Bad rows are matched with their neighbours by the same form of the key as good ones.
        key = clean(cells[0], self._limits) if cells else None
        if fault is not None:
            return Row(
                row.line, row.cells[0] if isinstance(key, Fault) else key, (), row.raw, fault
            )
        typed = [read(cell) for read, cell in zip(self._read, cells, strict=True)]
        return Row(row.line, key, typed, row.raw)

    def _shape(self, row: CsvRow) -> Fault | None:
        if len(row.cells) == len(self._table):
            return None
        text = f"has {len(row.cells)} cells, the header has {len(self._table)}"
        return Fault("ragged-row", "", text)

    def _cleaned(self, cells: list[str]) -> tuple[list[str], Fault | None]:
        found = []
        for column, cell in zip(self._table, cells, strict=True):
            text = clean(cell, self._limits)
            if isinstance(text, Fault):
                return cells, _in_csv(text).inside(column.name)
            found.append(text)
        return found, None


def _in_csv(fault: Fault) -> Fault:
    if fault.rule == "lone-surrogate":
        return Fault("encoding", "", "is not UTF-8")
    return fault


def _text(cell: str) -> str | None:
    return cell or None


def _integer(cell: str) -> str | int | None:
    """The integer, if the text has its canonical form: 007, +7, 7.0 and 1e3 stay text, which the model refuses."""
    if _INTEGER.fullmatch(cell) and -_INT64 <= int(cell) < _INT64:
        return int(cell)
    return cell or None
