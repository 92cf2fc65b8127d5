"""Tables written as CSV: a header of column names, then rows."""

import re
from collections.abc import Callable

from agents.services.files.columns import Column, columns, key_column, shaped_columns
from agents.services.files.csv_rows import CsvRow, CsvRows
from agents.services.files.foreign import Known
from agents.services.files.limits import Limits
from agents.services.files.lines import line_pieces
from agents.services.files.nesting import Row, Table
from agents.services.files.outcomes import Fault, SourceError
from agents.services.files.streams import Stream
from agents.services.files.text import clean

_DELIMITERS = (",", ";", "\t", "|")
_QUOTED = re.compile(r'"[^"]*"?')
_SEPARATORS = re.compile(r'["\r\n' + "".join(_DELIMITERS) + "]+")
_INTEGER = re.compile(r"-?[1-9][0-9]{0,18}|0")
_INT64 = 1 << 63


def csv_table(stream: Stream, limits: Limits, known: Known) -> Table:
    """The table, by what is known of it. Raises SourceError.

    Cells of columns that hold integers become integers if they are canonical ones.
    """
    pieces = line_pieces(stream, limits.record_bytes, universal=True)
    reader = CsvRows(pieces, limits, quotes=known.quotes)
    first = reader.header()
    if first is None:
        raise SourceError("empty", "the file is empty: CSV needs a header line")
    rows = reader.rows(known.delimiter or delimiter_of(first.data))
    header = [_normal(name, limits) for name in _names(next(rows))]
    shape = known.shape(header) if known.shape else None
    found = columns(header, limits) if shape is None else shaped_columns(header, shape)
    key = key_column(found, known.key if shape is None else shape.key)
    cells = _Cells(found, header, key.name, known, limits)
    return Table(found, key, (cells.row(row) for row in rows))


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


def _normal(text: str, limits: Limits) -> str:
    """The text in the form of good cells; what has none stays as it is."""
    found = clean(text, limits)
    return text if isinstance(found, Fault) else found


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Cells:
    """Makes table rows of CSV rows whose header is `header`; cells of other columns are left out."""

    def __init__(
        self,
        table: list[Column],
        header: list[str],
        key: str,
        known: Known,
        limits: Limits,
    ) -> None:
        self._table, self._limits, self._width = table, limits, len(header)
        self._places = [header.index(column.name) for column in table]
        self._key, self._is_whole = header.index(key), len(table) == len(header)
        self._read: list[Callable[[str], object]] = [
            _integer if column.name in known.integers else _text for column in table
        ]
        self._quoted = [frozenset(known.quoted(n)) if known.quoted else () for n in header]

    def row(self, row: CsvRow) -> Row:
        """The row with clean, typed cells, or with the fault of its first bad one."""
        fault = row.fault or self._shape(row)
        for place in row.quoted if fault is None else ():
            if row.cells[place].strip() in self._quoted[place]:
                row.cells[place] = f'"{row.cells[place]}"'
        cells = row.cells if fault or self._is_whole else [row.cells[n] for n in self._places]
        harmless = row.raw.isascii() and b"\0" not in row.raw
        if fault is None and not (harmless and len(row.raw) <= self._limits.field_bytes):
            cells, fault = self._cleaned(cells)
        if fault is not None:
            return self._bad(row, fault)
        typed = [read(cell) for read, cell in zip(self._read, cells, strict=True)]
        return Row(row.line, _normal(row.cells[self._key], self._limits), typed, row.raw)

    def _bad(self, row: CsvRow, fault: Fault) -> Row:
        """The row with its key in the same form as good ones have, or with what may be its key."""
        cells = [_normal(cell, self._limits) for cell in row.cells]
        if self._key == 0 or len(cells) == self._width:
            return Row(row.line, cells[self._key] if cells else None, (), row.raw, fault)
        written = row.raw.decode(errors="surrogateescape").strip()
        parts = (_normal(part, self._limits) for part in _SEPARATORS.split(written))
        return Row(row.line, None, (), row.raw, fault, frozenset((*cells, *parts)) - {""})

    def _shape(self, row: CsvRow) -> Fault | None:
        if len(row.cells) == self._width:
            return None
        text = f"has {len(row.cells)} cells, the header has {self._width}"
        if len(row.cells) < self._width and not row.raw.endswith((b"\n", b"\r")):
            return Fault("truncated", "", f"the file ends within the row, which {text}")
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
