r"""CSV read by Arrow, in blocks that begin where a row begins.

Arrow's own blocks end anywhere: a \r\n within quotes loses its \n where a block ends between the two
(pyarrow 26.0.1). Arrow also takes an unclosed quote, and text that follows a closing one, for good. So the
extent of every row is found first, and a file that is not clear is left to the reader of records.
"""

import mmap
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from agents.services.files.limits import DEFAULTS

BLOCK = 4 << 20
NEWLINE, QUOTE = ord("\n"), ord('"')
LONE_RETURN = re.compile(rb"\r(?!\n)")
BLANK = re.compile(rb"(?:\A|\n)\r?\n")


@dataclass(frozen=True, slots=True)
class Ragged:
    """A row with another number of cells than the header, and its text."""

    line: int
    cells: int
    text: str


class Unclear(Exception):
    """A file with blank lines, very long rows, other text than UTF-8, or quotes that RFC 4180 forbids."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that follow each other: the cells as text, an empty one as null, and the line of each row."""

    cells: pa.Table
    lines: np.ndarray
    ragged: Sequence[Ragged]


def read_blocks(
    path: str, delimiter: str, names: Sequence[str], quoted: Mapping[str, Collection[str]]
) -> Iterator[Block]:
    """The rows behind the header of a file that is not empty. Raises Unclear, perhaps after some blocks.

    Texts that `quoted` has for their column keep the quotes around them.
    """
    words = sorted({word for those in quoted.values() for word in those})
    some = "|".join(map(re.escape, words)).encode()
    in_quotes = re.compile(rb'"[^!-~]*(?:%s)[^!-~]*"' % some)  # perhaps with spaces of any kind
    with (
        Path(path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        for block, lines in _blocks(data, delimiter.encode()):
            read = _parsed(block, lines, delimiter, names)
            if words and in_quotes.search(block):
                cells = _with_quotes(read.cells, block, delimiter, quoted)
                read = replace(read, cells=cells)
            yield read
            data.madvise(mmap.MADV_DONTNEED)  # what is read would count as memory of this process


def _parsed(block: bytes, lines: np.ndarray, delimiter: str, names: Sequence[str]) -> Block:
    found = list[Ragged]()

    def ragged(row: Any) -> str:
        line = int(lines[row.number - 1])
        found.append(Ragged(line, row.actual_columns, row.text or ""))
        return "skip"

    try:
        table = _table(block, delimiter, names, ragged, _as_text(names))
    except pa.ArrowInvalid:
        raise Unclear from None
    good = lines[~np.isin(lines, [one.line for one in found])] if found else lines
    if len(good) != len(table):
        raise Unclear  # Arrow counts other rows than there are
    return Block(table, good, found)


def _table(
    block: bytes,
    delimiter: str,
    names: Sequence[str],
    ragged: Callable[[Any], str],
    convert: pyarrow.csv.ConvertOptions,
) -> pa.Table:
    return pyarrow.csv.read_csv(
        pa.py_buffer(block),
        read_options=pyarrow.csv.ReadOptions(
            use_threads=False, block_size=len(block), column_names=list(names)
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=ragged
        ),
        convert_options=convert,
    )


def _as_text(names: Iterable[str], missing: Sequence[str] = ()) -> pyarrow.csv.ConvertOptions:
    """These columns as text; with `missing`, cells without quotes that are one of them as null too."""
    return pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        include_columns=list(names),
        null_values=["", *missing],
        strings_can_be_null=True,
        quoted_strings_can_be_null=not missing,
    )


def _with_quotes(
    table: pa.Table, block: bytes, delimiter: str, quoted: Mapping[str, Collection[str]]
) -> pa.Table:
    """The table with the quotes around the words that `quoted` has by column, where the block has them.

    Arrow does not tell which cells were quoted: a second reading has only those without quotes as null.
    """
    is_word = {
        name: pc.is_in(pc.utf8_trim_whitespace(table[name]), pa.array(words, pa.string()))
        for name, words in quoted.items()
    }
    written = {
        text
        for name, rows in is_word.items()
        for text in table[name].filter(rows).unique().to_pylist()
    }
    if not written:
        return table
    unquoted = _as_text(quoted, sorted(written))
    bare = _table(block, delimiter, table.column_names, lambda _: "skip", unquoted)
    for name, rows in is_word.items():
        kept = pc.binary_join_element_wise('"', table[name], '"', "")
        cells = pc.if_else(pc.and_(rows, bare[name].is_valid()), kept, table[name])
        table = table.set_column(table.column_names.index(name), name, cells)
    return table


def _blocks(data: mmap.mmap, delimiter: bytes) -> Iterator[tuple[bytes, np.ndarray]]:
    """Whole rows behind the header, and the line of each."""
    pattern, size = _row_pattern(delimiter), len(data)
    header = pattern.match(data)
    if header is None or not _is_clear(header[0]):
        raise Unclear
    begin, line = header.end(), 1 + len(header[0].splitlines())
    while begin < size:
        end = data.find(b"\n", min(begin + BLOCK, size) - 1) + 1 or size
        block = data[begin:end]
        if (rows := _rows_that_are_lines(block, pattern)) is None:
            yield from _quoted_blocks(data, begin, line, pattern)
            return
        yield block, np.arange(line, line + rows)
        begin, line = end, line + rows


def _rows_that_are_lines(block: bytes, pattern: re.Pattern[bytes]) -> int | None:
    """How many rows there are if each line is one, which is quick to see; else None."""
    if b"\r" in block and LONE_RETURN.search(block):
        return None
    numbers = np.frombuffer(block, "u1")
    ends = np.flatnonzero(numbers == NEWLINE) + 1
    if not len(ends) or ends[-1] != len(block):
        ends = np.append(ends, len(block))
    quoted = np.unique(np.searchsorted(ends, np.flatnonzero(numbers == QUOTE), side="right"))
    for place in quoted.tolist():
        if not pattern.fullmatch(block[ends[place - 1] if place else 0 : ends[place]]):
            return None
    widths = np.diff(ends, prepend=0)
    is_blank = widths.min() <= len(b"\r\n") and BLANK.search(block)
    if widths.max() > DEFAULTS.record_bytes or is_blank or not _is_utf8(block):
        raise Unclear
    return len(ends)


def _quoted_blocks(
    data: mmap.mmap, begin: int, line: int, pattern: re.Pattern[bytes]
) -> Iterator[tuple[bytes, np.ndarray]]:
    """The rest from a row on, found row by row: one may have several lines."""
    position, size, lines = begin, len(data), list[int]()
    while position < size:
        match = pattern.match(data, position)
        if match is None or not _is_clear(match[0]):
            raise Unclear
        lines.append(line)
        line += len(match[0].splitlines())
        position = match.end()
        if position - begin >= BLOCK or position == size:
            yield data[begin:position], np.array(lines)
            begin, lines = position, []


def _is_clear(row: bytes) -> bool:
    is_there = bool(row.strip(b"\r\n"))
    return is_there and len(row) <= DEFAULTS.record_bytes and _is_utf8(row)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _row_pattern(delimiter: bytes) -> re.Pattern[bytes]:
    """A row by RFC 4180; a quote behind anything but printable ASCII is not clear."""
    mark = re.escape(delimiter)
    invisible = rb"[^!-~\r\n%s]*+" % mark
    cell = rb'(?:"[^"]*+(?:""[^"]*+)*+"|(?!%s")[^%s\r\n]*+)' % (invisible, mark)
    return re.compile(rb"%s(?:%s%s)*+(?:\r\n?|\n|\Z)" % (cell, mark, cell))
