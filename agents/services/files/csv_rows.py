"""Rows of delimited text by RFC 4180: a row ends where its quoting ends, however long it is.

Section 2 of RFC 4180 lets quoted cells have line ends in them; quotes stand only around a cell, or doubled
inside a quoted one. Where a file breaks that, nobody can tell which of the following line ends are inside
a cell, so no later line can be read as a row with certainty. A quote after other text of an unquoted cell
(5" pipe) opens nothing and is text, as for Python's csv module and Excel.
"""

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain

from agents.services.files.limits import Limits
from agents.services.files.lines import Line
from agents.services.files.outcomes import REFUSES_THE_REST, Fault

_QUOTE = '"'
_VISIBLE = re.compile(
    "[^\\s\x00-\x1f\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_REST = "; nothing is read from this line to the end of the file: {}, and use the whole file again"
_UNCLOSED = "a quote is opened and not closed" + _REST.format("close the quote")
_FOLLOWED = "text follows a closing quote" + _REST.format("double each quote inside a cell")
_PRECEDED = "a blank precedes an opening quote" + _REST.format("remove what precedes the quote")


@dataclass(frozen=True, slots=True)
class CsvRow:
    """Cells as they are written; bytes that are not UTF-8 stand in them as surrogates.

    With a `fault`, `cells` has only those that were read with certainty, perhaps none, and `raw` may be
    only the beginning of the row. `quoted` has the places of the cells that stand in quotes.
    """

    line: int
    cells: list[str]
    raw: bytes
    fault: Fault | None = None
    quoted: Sequence[int] = ()


class CsvRows:
    """The rows in the pieces of lines; blank lines are skipped."""

    def __init__(self, pieces: Iterator[Line], limits: Limits, *, quotes: bool = True) -> None:
        self._pieces, self._limits, self._quotes = pieces, limits, quotes

    def header(self) -> Line | None:
        """The first line that is not blank, still to be read as a row."""
        for piece in self._pieces:
            if piece.data.strip():
                self._pieces = chain((piece,), self._pieces)
                return piece
        return None

    def rows(self, delimiter: str) -> Iterator[CsvRow]:
        """The rows from here on, the last of them perhaps one that refuses the rest."""
        for first in iter(self._next, None):
            if first.data.strip(b"\r\n"):
                row = self._row(first, delimiter)
                yield row
                if row.fault is not None and row.fault.rule in REFUSES_THE_REST:
                    return

    def _next(self) -> Line | None:
        return next(self._pieces, None)

    def _row(self, first: Line, delimiter: str) -> CsvRow:
        if (self._quotes and b'"' in first.data) or not first.ended:
            return self._scanned(first, delimiter)
        text = first.data.decode(errors="surrogateescape")
        cells = text.removesuffix("\n").removesuffix("\r").split(delimiter)
        return CsvRow(first.number, cells, first.data)

    def _scanned(self, first: Line, delimiter: str) -> CsvRow:
        """A row with quotes, which may go on over further lines, or a very long one."""
        scan, raw = _Scan(delimiter, self._limits, quotes=self._quotes), bytearray()
        for piece in chain((first,), self._pieces):
            raw += piece.data[: self._limits.record_bytes - len(raw)]
            scan.feed(piece.data)
            if scan.fault is not None or (piece.ended and not scan.is_quoted):
                break
        scan.finish()
        return CsvRow(first.number, scan.cells, bytes(raw), scan.fault, scan.quoted)


class _In(Enum):
    """Where in a cell the next character stands."""

    START = auto()
    BLANKS = auto()  # behind blanks alone: a quote would be meant to open the cell
    PLAIN = auto()
    QUOTED = auto()
    CLOSED = auto()  # behind a quote that closes the cell, or is the first of two


class _Scan:
    """The cells of one row, from pieces of any size; those of a long row are cut, not held."""

    def __init__(self, delimiter: str, limits: Limits, *, quotes: bool) -> None:
        self.cells: list[str] = []
        self.quoted: list[int] = []
        self.fault: Fault | None = None
        self._delimiter, self._limits, self._size = delimiter, limits, 0
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self._first = _In.START if quotes else _In.PLAIN
        self._state = self._first
        self._parts: list[str] = []
        self._held = 0

    @property
    def is_quoted(self) -> bool:
        """Whether a line end here belongs to a cell."""
        return self._state is _In.QUOTED

    def feed(self, data: bytes) -> None:
        """Go on with the next piece, up to a fault."""
        self._size += len(data)
        self._text(self._decode(data))

    def finish(self) -> None:
        """The row ends here, or the file does."""
        self._text(self._decode(b"", final=True))
        if self.fault is None and self.is_quoted:
            self.fault = Fault("unclosed-quote", "", _UNCLOSED)
        if self.fault is None:
            if self._state is not _In.CLOSED:
                self._parts = ["".join(self._parts).removesuffix("\n").removesuffix("\r")]
            self._end_cell()
            if self._is_long:
                limit = self._limits.record_bytes
                self.fault = Fault("row-too-long", "", f"longer than {limit} bytes")

    @property
    def _is_long(self) -> bool:
        return self._size > self._limits.record_bytes

    def _text(self, text: str) -> None:
        position = 0
        while position < len(text) and self.fault is None:
            if self._state is _In.QUOTED:
                position = self._in_quotes(text, position)
            elif self._state is _In.CLOSED:
                position = self._behind_quote(text, position)
            elif self._state is _In.START and text.startswith(_QUOTE, position):
                self._state, position = _In.QUOTED, position + 1
            else:
                position = self._plain(text, position)

    def _in_quotes(self, text: str, position: int) -> int:
        end = text.find(_QUOTE, position)
        if end < 0:
            self._keep(text[position:])
            return len(text)
        self._keep(text[position:end])
        self._state = _In.CLOSED
        return end + 1

    def _behind_quote(self, text: str, position: int) -> int:
        character = text[position]
        if character == _QUOTE:
            self._keep(_QUOTE)
            self._state = _In.QUOTED
        elif character == self._delimiter:
            self._end_cell()
        elif character not in "\r\n":
            self.fault = Fault("bad-quote", "", _FOLLOWED)
        return position + 1

    def _plain(self, text: str, position: int) -> int:
        end = text.find(self._delimiter, position)
        part = text[position:] if end < 0 else text[position:end]
        if self._state is not _In.PLAIN:
            self._begin(part)
        self._keep(part)
        if end < 0:
            return len(text)
        if self.fault is None:
            self._end_cell()
        return end + 1

    def _begin(self, part: str) -> None:
        before, quote, _ = part.partition(_QUOTE)
        if _VISIBLE.search(before):
            self._state = _In.PLAIN
        elif quote:
            self.fault = Fault("bad-quote", "", _PRECEDED)
        else:
            self._state = _In.BLANKS

    def _keep(self, part: str) -> None:
        if not self._is_long or self._held < self._limits.field_bytes:
            self._parts.append(part)
            self._held += len(part)

    def _end_cell(self) -> None:
        if not self._is_long or len(self.cells) < self._limits.columns:
            if self._state is _In.CLOSED:
                self.quoted.append(len(self.cells))
            self.cells.append("".join(self._parts))
        self._parts, self._held, self._state = [], 0, self._first
