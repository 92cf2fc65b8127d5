"""Rows of delimited text; an unclosed quote costs one line, not the rest of the file."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from agents.services.files.clock import Clock
from agents.services.files.limits import Limits
from agents.services.files.lines import Line
from agents.services.files.outcomes import Fault

_QUOTE = '"'


@dataclass(frozen=True, slots=True)
class CsvRow:
    """Cells as they are written; bytes that are not UTF-8 stand in them as surrogates.

    With a `fault` there is at most the first cell, as far as it can be read.
    """

    line: int
    cells: list[str]
    raw: bytes
    fault: Fault | None = None


class CsvRows:
    """The rows in physical lines; blank lines are skipped."""

    def __init__(
        self, lines: Iterator[Line], limits: Limits, clock: Clock, *, quotes: bool = True
    ) -> None:
        self._lines, self._limits, self._clock, self._quotes = lines, limits, clock, quotes
        self._ahead: deque[Line] = deque()

    def header(self) -> Line | None:
        """The first line that is not blank, still to be read as a row."""
        for line in iter(self._next, None):
            if line.cut or line.data.strip():
                self._ahead.appendleft(line)
                return line
        return None

    def rows(self, delimiter: str) -> Iterator[CsvRow]:
        """The rows from here on."""
        for line in iter(self._next, None):
            if line.cut:
                yield self._too_long(line, delimiter)
            elif line.data.strip(b"\r\n"):
                yield self._row(line, delimiter)

    def _next(self) -> Line | None:
        return self._ahead.popleft() if self._ahead else next(self._lines, None)

    def _row(self, line: Line, delimiter: str) -> CsvRow:
        text = line.data.decode(errors="surrogateescape")
        if self._quotes and _QUOTE in text:
            return self._quoted(line, text, delimiter)
        return CsvRow(line.number, _unended(text)[0].split(delimiter), line.data)

    def _quoted(self, first: Line, text: str, delimiter: str) -> CsvRow:
        """A row with quotes, which may go on over further lines."""
        scan, taken, size = _QuotedRow(delimiter), [first], len(first.data)
        fault = scan.feed(text)
        while fault is None and scan.open:
            line = self._next()
            size += len(line.data) if line else 0
            if line is not None:
                taken.append(line)
            if line is None or line.cut or size > self._limits.record_bytes:
                fault = Fault("unclosed-quote", "", "a quote is opened and not closed")
            else:
                fault = scan.feed(line.data.decode(errors="surrogateescape"))
        if fault is None:
            return CsvRow(first.number, scan.cells, b"".join(line.data for line in taken))
        self._clock.check()
        self._ahead.extendleft(reversed(taken[1:]))
        return CsvRow(first.number, [_first_cell(text, delimiter)], first.data, fault)

    def _too_long(self, line: Line, delimiter: str) -> CsvRow:
        text = line.data[: self._limits.field_bytes].decode(errors="surrogateescape")
        fault = Fault("row-too-long", "", f"longer than {self._limits.record_bytes} bytes")
        return CsvRow(line.number, [_first_cell(text, delimiter)], line.data, fault)


class _QuotedRow:
    """A row being read; `open` while a quoted cell goes on in the next line."""

    def __init__(self, delimiter: str) -> None:
        self.cells: list[str] = []
        self.open = False
        self._delimiter, self._part = delimiter, [""]

    def feed(self, line: str) -> Fault | None:
        text, end = _unended(line)
        position = 0
        while True:
            if not self.open and text.startswith(_QUOTE, position):
                self.open, self._part, position = True, [], position + 1
            position = self._in_quotes(text, position) if self.open else self._plain(text, position)
            if self.open:
                self._part.append(end)
                return None
            if position >= len(text):
                return None
            if text[position] != self._delimiter:
                return Fault("bad-quote", "", "text follows a closing quote")
            position += 1

    def _in_quotes(self, text: str, position: int) -> int:
        while (end := text.find(_QUOTE, position)) >= 0:
            self._part.append(text[position:end])
            if not text.startswith(_QUOTE, end + 1):
                self.open = False
                self.cells.append("".join(self._part))
                return end + 1
            self._part.append(_QUOTE)
            position = end + 2
        self._part.append(text[position:])
        return len(text)

    def _plain(self, text: str, position: int) -> int:
        end = text.find(self._delimiter, position)
        end = len(text) if end < 0 else end
        self.cells.append(text[position:end])
        return end


def _unended(line: str) -> tuple[str, str]:
    """The line without its end, and its end."""
    text = line.removesuffix("\n").removesuffix("\r")
    return text, line[len(text) :]


def _first_cell(text: str, delimiter: str) -> str:
    return _unended(text.split(delimiter, 1)[0])[0].strip(_QUOTE)
