r"""CSV read by Arrow, in blocks that begin where a row begins.

Arrow's own blocks end anywhere: a \r\n within quotes loses its \n where a block ends between the two
(pyarrow 26.0.1). Arrow also takes an unclosed quote, and text that follows a closing one, for good. So the
extent of every row is found first, and a file that is not clear is left to the reader of records.
"""

import mmap
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from agents.services.files.limits import DEFAULTS

BLOCK = 4 << 20


@dataclass(frozen=True, slots=True)
class Ragged:
    """A row with another number of cells than the header, and its text."""

    line: int
    cells: int
    text: str


class Unclear(Exception):
    """A file with blank lines, very long rows, other text than UTF-8, or quotes that RFC 4180 forbids."""


@dataclass(slots=True)
class Blocks:
    """The rows of one file: the cells as text, an empty one as null, and the line of each row."""

    delimiter: str
    names: Sequence[str]
    lines: list[int] = field(default_factory=list)
    ragged: list[Ragged] = field(default_factory=list)

    def read(self, path: str) -> pa.Table:
        """The rows behind the header of a file that is not empty. Raises Unclear."""
        tables = [pa.schema([(name, pa.string()) for name in self.names]).empty_table()]
        with (
            Path(path).open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            for block, lines in _blocks(data, self.delimiter.encode()):
                tables.append(self._parsed(block, lines))
        return pa.concat_tables(tables)

    def _parsed(self, block: bytes, lines: list[int]) -> pa.Table:
        skipped: set[int] = set()

        def ragged(row: Any) -> str:
            skipped.add(row.number)
            self.ragged.append(Ragged(lines[row.number - 1], row.actual_columns, row.text or ""))
            return "skip"

        try:
            table = pyarrow.csv.read_csv(
                pa.py_buffer(block),
                read_options=pyarrow.csv.ReadOptions(
                    use_threads=False, block_size=len(block), column_names=list(self.names)
                ),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=ragged
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(self.names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid:
            raise Unclear from None
        good = [line for number, line in enumerate(lines, 1) if number not in skipped]
        if len(good) != len(table):
            raise Unclear  # Arrow counts other rows than there are
        self.lines += good
        return table


def _blocks(data: mmap.mmap, delimiter: bytes) -> Iterator[tuple[bytes, list[int]]]:
    """Whole rows behind the header, and the line of each."""
    pattern, size = _row_pattern(delimiter), len(data)
    begin = position = 0
    line, lines = 1, list[int]()
    while position < size:
        match = pattern.match(data, position)
        if match is None or not _is_clear(match[0]):
            raise Unclear
        lines.append(line)
        line += len(match[0].splitlines())
        if position == 0:
            begin, lines = match.end(), []
        position = match.end()
        if lines and (position - begin >= BLOCK or position == size):
            yield data[begin:position], lines
            begin, lines = position, []


def _is_clear(row: bytes) -> bool:
    try:
        return bool(row.decode().strip("\r\n")) and len(row) <= DEFAULTS.record_bytes
    except UnicodeDecodeError:
        return False


def _row_pattern(delimiter: bytes) -> re.Pattern[bytes]:
    """A row by RFC 4180; a quote behind anything but printable ASCII is not clear."""
    mark = re.escape(delimiter)
    invisible = rb"[^!-~\r\n%s]*+" % mark
    cell = rb'(?:"[^"]*+(?:""[^"]*+)*+"|(?!%s")[^%s\r\n]*+)' % (invisible, mark)
    return re.compile(rb"%s(?:%s%s)*+(?:\r\n?|\n|\Z)" % (cell, mark, cell))
