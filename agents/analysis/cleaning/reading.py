"""Reading: raw bytes become a table of cells and a list of lines that are no rows; no line is lost."""

import codecs
import csv
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from agents.analysis.cleaning import csv_blocks
from agents.analysis.cleaning.csv_blocks import Unclear, read_blocks
from agents.analysis.cleaning.plain_text import in_utf8
from agents.analysis.contract import Contract
from agents.services.files.csv_records import delimiter_of
from agents.services.files.foreign import Known
from agents.services.files.formats import BOM, Format
from agents.services.files.outcomes import Record, SourceError
from agents.services.files.records import BadRecord, read_records
from agents.services.files.unpacking import unpacked

MAX_RAW = 2_000
MAX_COLUMNS = 1_000
PAGE_DISTANCE = 1_000_000
PLAIN = (".csv", ".tsv", ".json", ".jsonl", ".ndjson")
BUFFER = 1 << 20  # bytes of a Parquet file that are read at once
MOST_ROWS = 65_536  # of a table from Parquet, where a value that is repeated takes no space
CELL = 16  # bytes that a cell counts for which is no text
Quoted = Callable[[str], Collection[str]]  # by column, the words that keep their quotes
# Types with missing values: as floats, 1 would read 1.0, and long numbers would lose digits.
WHOLE = {
    pa.type_for_alias(name.lower()): pd.api.types.pandas_dtype(name)
    for name in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")
} | {pa.bool_(): pd.BooleanDtype()}


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that is no row: the rule that it broke, the reason, and how it begins."""

    line: int
    rule: str
    reason: str
    raw: str


@dataclass(slots=True)
class Table:
    """Cells by row and column, page after page; `lines` has the line of each row, all different.

    `bad` has the lines that are no rows. `header` has the columns that the file itself names; None for
    JSON, where each record names its own.
    """

    cells: pd.DataFrame
    lines: pd.Series
    bad: list[BadRow] = field(default_factory=list)
    header: tuple[str, ...] | None = None

    @property
    def rows(self) -> int:
        """The number of rows, good and bad."""
        return len(self.cells) + len(self.bad)


def read_table(pages: Sequence[Path], name: str, contract: Contract | None = None) -> Table:
    """The whole of a partition as one table; otherwise as `read_tables`."""
    tables = list(read_tables(pages, name, contract))
    if len(tables) == 1:
        return tables[0]
    return Table(
        pd.concat([table.cells for table in tables], ignore_index=True),
        pd.concat([table.lines for table in tables], ignore_index=True),
        [one for table in tables for one in table.bad],
        _in_all([table.header for table in tables]),
    )


def read_tables(
    pages: Sequence[Path], name: str, contract: Contract | None = None
) -> Iterator[Table]:
    """The pages of a partition as one or several tables of bounded size; `name` is its name in the source.

    The contract may give the encoding and the header. Raises SourceError, perhaps after some tables.
    """
    if len(pages) == 1:
        yield from _page_by(contract, pages[0], name)
        return
    last = max(_last_line(contract, page, name) for page in pages)
    distance = max(PAGE_DISTANCE, 10 ** len(str(last)))  # the first digits are the page
    for number, page in enumerate(pages):
        for table in _page_by(contract, page, name):
            yield _moved(table, number * distance)


def _last_line(contract: Contract | None, page: Path, name: str) -> int:
    if name.endswith(PLAIN) and page.stat().st_size < PAGE_DISTANCE:
        return 0  # it has fewer lines than bytes
    return max(_end(table) for table in _page_by(contract, page, name))


def _end(table: Table) -> int:
    last: list[int] = table.lines.iloc[-1:].tolist()
    return max([0, *last, *(one.line for one in table.bad)])


def _moved(table: Table, by: int) -> Table:
    table.lines += by
    table.bad = [replace(one, line=one.line + by) for one in table.bad]
    return table


def _in_all(headers: Sequence[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    known = [header for header in headers if header is not None]
    if len(known) < len(headers):
        return None
    return tuple(name for name in known[0] if all(name in header for header in known))


def _page_by(contract: Contract | None, path: Path, name: str) -> Iterator[Table]:
    if contract is None or (codecs.lookup(contract.encoding).name, contract.header) == (
        "utf-8",
        (),
    ):
        yield from _page(path, name, contract)
        return
    with in_utf8(path, name, contract.encoding, contract.header) as (plain, plain_name):
        is_added = contract.header and plain_name.endswith(".csv")
        for table in _page(plain, plain_name, contract):
            yield _moved(table, -1) if is_added else table  # the header is no line of the file


def _page(path: Path, name: str, contract: Contract | None) -> Iterator[Table]:
    quoted = contract.quoted_words if contract else None
    read = 0  # the line of the last row that has been given
    try:
        with unpacked(path, name) as (form, stream), tempfile.NamedTemporaryFile() as plain:
            first = next(iter(stream.peek().removeprefix(BOM).splitlines()), b"")
            if form in {Format.CSV, Format.PARQUET}:
                if stream.peek().startswith(BOM):
                    stream.skip(len(BOM))
                while chunk := stream.read():
                    plain.write(chunk)
                plain.flush()
                if form is Format.PARQUET:
                    yield from _parquet(plain.name)
                    return
                with suppress(Unclear):
                    for table in _csv(plain.name, first, quoted):
                        read = max(read, _end(table))
                        yield table
                    return
    except SourceError as error:
        raise SourceError(error.rule, error.reason, name) from None
    header = _header(first) if form is Format.CSV else None
    yield from _records(path, name, form, _Records(header, quoted), read)


def _header(first: bytes) -> tuple[str, ...] | None:
    """The columns in the first line of a CSV file; None if there are none, or if they go on."""
    text = first.decode("utf-8", "replace")
    if not text or text.count('"') % 2:
        return None
    try:
        return tuple(next(csv.reader([text], delimiter=delimiter_of(first))))
    except csv.Error:
        return None


def _csv(path: str, first: bytes, quoted: Quoted | None) -> Iterator[Table]:
    """The tables with all cells as text. Raises Unclear for what must be read record by record."""
    delimiter = delimiter_of(first)
    names = first.decode("utf-8", "replace").split(delimiter)
    if (
        not first
        or b'"' in first
        or len(set(names)) != len(names)
        or not 0 < len(names) <= MAX_COLUMNS
    ):
        raise Unclear
    is_empty = True
    words = {name: found for name in names if quoted and (found := quoted(name))}
    for block in read_blocks(path, delimiter, names, words):
        bad = [
            BadRow(
                one.line, "ragged", f"{one.cells} cells, {len(names)} expected", one.text[:MAX_RAW]
            )
            for one in block.ragged
        ]
        yield Table(_frame(block.cells), pd.Series(block.lines), bad, tuple(names))
        is_empty = False
    if is_empty:
        cells = pd.DataFrame({name: pd.Series(dtype="string[pyarrow]") for name in names})
        yield Table(cells, pd.Series(dtype="int64"), [], tuple(names))


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(types_mapper={pa.string(): pd.StringDtype("pyarrow")}.get)
    return frame


def _parquet(path: str) -> Iterator[Table]:
    rows = 0
    try:
        with pq.ParquetFile(path, memory_map=False, buffer_size=BUFFER) as file:
            schema = file.schema_arrow
            _require_cells(schema)
            plain = [pa.field(f.name, pa.string()) if _is_bytes(f.type) else f for f in schema]
            names = tuple(schema.names)
            for batch in file.iter_batches(_batch_rows(file.metadata), use_threads=False):
                table = pa.Table.from_batches([batch]).replace_schema_metadata(None)
                frame = table.cast(pa.schema(plain)).to_pandas(types_mapper=WHOLE.get)
                lines = pd.Series(range(rows + 1, rows + 1 + len(frame)), dtype="int64")
                rows += len(frame)
                yield Table(frame, lines, header=names)
            if not rows:
                frame = pa.schema(plain).empty_table().to_pandas(types_mapper=WHOLE.get)
                yield Table(frame, pd.Series(dtype="int64"), header=names)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise SourceError(
            "corrupt", f"the Parquet file cannot be read: {str(error)[:200]}"
        ) from None


def _batch_rows(metadata: pq.FileMetaData) -> int:
    size = sum(metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups))
    rows: int = csv_blocks.BLOCK * metadata.num_rows // max(size, 1)
    return max(1, min(MOST_ROWS, rows))


def _require_cells(schema: pa.Schema) -> None:
    if len(schema.names) != len(set(schema.names)):
        raise SourceError("columns", "two columns have the same name")
    for column in schema:
        if pa.types.is_nested(column.type):
            raise SourceError(
                "nested", f"column {column.name!r} has lists or structures instead of cells"
            )
        if pa.types.is_duration(column.type):
            raise SourceError("duration", f"column {column.name!r} has durations: use seconds")


def _is_bytes(kind: pa.DataType) -> bool:
    return any(
        of(kind)
        for of in (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    )


def _records(
    path: Path, name: str, form: Format, reading: "_Records", read: int
) -> Iterator[Table]:
    """The tables behind line `read`, record by record: slower, but every error names its line.

    In a JSON document, where one line may have many records, the line is the number of the record.
    """
    with tempfile.TemporaryDirectory() as folder:
        named = Path(folder) / name
        shutil.copyfile(path, named)
        try:
            for number, outcome in enumerate(read_records(named, known=reading.known), 1):
                line = number if form is Format.JSON else outcome.line
                if line > read:
                    reading.take(line, outcome)
                    if reading.size >= csv_blocks.BLOCK:
                        yield reading.table()
                        read, reading = line, reading.next()
        except SourceError as error:
            raise SourceError(error.rule, error.reason, name) from None
    if reading.size or not read:
        yield reading.table()


class _Records:
    """Records on their way to a table; `size` is about that of their text."""

    def __init__(self, header: tuple[str, ...] | None, quoted: Quoted | None) -> None:
        self._header, self.known, self.size = header, Known(quoted=quoted), 0
        self._rows: list[dict[str, object]] = []
        self._lines: list[int] = []
        self._bad: list[BadRow] = []

    def take(self, line: int, outcome: Record | BadRecord) -> None:
        if isinstance(outcome, BadRecord):
            raw = outcome.raw.decode("utf-8", "replace")[:MAX_RAW]
            self._bad.append(BadRow(line, outcome.rule, outcome.message, raw))
            self.size += CELL + len(raw)
            return
        body = outcome.body if self._header is None else _flat(outcome.body)
        cells = {k: _cell(v) for k, v in body.items()}
        self._rows.append(cells)
        self._lines.append(line)
        self.size += CELL + sum(len(v) if isinstance(v, str) else CELL for v in cells.values())

    def next(self) -> "_Records":
        """Further records of the same file."""
        return _Records(self._header, self.known.quoted)

    def table(self) -> Table:
        cells = pd.DataFrame(self._rows, dtype="object") if self._rows else pd.DataFrame()
        return Table(cells, pd.Series(self._lines, dtype="int64"), self._bad, self._header)


def _flat(body: Mapping[str, Any], within: str = "") -> dict[str, Any]:
    """Cells by the column names of the header, such as a.b, which records have as nested values."""
    found: dict[str, Any] = {}
    for name, value in body.items():
        nested = (
            _flat(value, f"{within}{name}.") if isinstance(value, dict) else {within + name: value}
        )
        found |= nested
    return found


def _cell(value: object) -> object:
    """The cell: a nested value as text, and None for an empty text."""
    if value == "":
        return None
    return str(value) if isinstance(value, dict | list) else value
