"""Reading: raw bytes become a table of cells and a list of lines that are no rows; no line is lost."""

import codecs
import csv
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from agents.analysis.cleaning.csv_blocks import Blocks, Unclear
from agents.analysis.cleaning.plain_text import in_utf8
from agents.analysis.contract import Contract
from agents.services.files.csv_records import delimiter_of
from agents.services.files.formats import BOM, Format
from agents.services.files.outcomes import SourceError
from agents.services.files.records import BadRecord, read_records
from agents.services.files.unpacking import unpacked

MAX_RAW = 2_000
MAX_COLUMNS = 1_000
PAGE_DISTANCE = 1_000_000
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
    """Read the pages of a partition; `name` is its name in the source. Raises SourceError.

    The contract may give the encoding and the header.
    """
    tables = [_page_by(contract, path, name) for path in pages]
    if len(tables) == 1:
        return tables[0]
    last = max(
        line for table in tables for line in (0, *table.lines[-1:], *(b.line for b in table.bad))
    )
    distance = max(PAGE_DISTANCE, 10 ** len(str(last)))  # the first digits are the page
    for number, table in enumerate(tables):
        table.lines += number * distance
        table.bad = [replace(one, line=one.line + number * distance) for one in table.bad]
    return Table(
        pd.concat([table.cells for table in tables], ignore_index=True),
        pd.concat([table.lines for table in tables], ignore_index=True),
        [one for table in tables for one in table.bad],
        _in_all([table.header for table in tables]),
    )


def _in_all(headers: Sequence[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    known = [header for header in headers if header is not None]
    if len(known) < len(headers):
        return None
    return tuple(name for name in known[0] if all(name in header for header in known))


def _page_by(contract: Contract | None, path: Path, name: str) -> Table:
    if contract is None or (codecs.lookup(contract.encoding).name, contract.header) == (
        "utf-8",
        (),
    ):
        return _page(path, name)
    with in_utf8(path, name, contract.encoding, contract.header) as (plain, plain_name):
        table = _page(plain, plain_name)
    if contract.header and plain_name.endswith(".csv"):  # its line is not one of the file
        table.lines -= 1
        table.bad = [replace(one, line=one.line - 1) for one in table.bad]
    return table


def _page(path: Path, name: str) -> Table:
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
                    return _parquet(plain.name)
                if first and (table := _csv(plain.name, first)) is not None:
                    return table
    except SourceError as error:
        raise SourceError(error.rule, error.reason, name) from None
    return _records(path, name, form, _header(first) if form is Format.CSV else None)


def _header(first: bytes) -> tuple[str, ...] | None:
    """The columns in the first line of a CSV file; None if there are none, or if they go on."""
    text = first.decode("utf-8", "replace")
    if not text or text.count('"') % 2:
        return None
    try:
        return tuple(next(csv.reader([text], delimiter=delimiter_of(first))))
    except csv.Error:
        return None


def _csv(path: str, first: bytes) -> Table | None:
    """The table with all cells as text; None for a file that must be read record by record."""
    delimiter = delimiter_of(first)
    names = first.decode("utf-8", "replace").split(delimiter)
    if b'"' in first or len(set(names)) != len(names) or not 0 < len(names) <= MAX_COLUMNS:
        return None
    blocks = Blocks(delimiter, names)
    try:
        frame = _frame(blocks.read(path))
    except Unclear:
        return None
    bad = [
        BadRow(one.line, "ragged", f"{one.cells} cells, {len(names)} expected", one.text[:MAX_RAW])
        for one in blocks.ragged
    ]
    return Table(frame, pd.Series(blocks.lines, dtype="int64"), bad, tuple(names))


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(types_mapper={pa.string(): pd.StringDtype("pyarrow")}.get)
    return frame


def _parquet(path: str) -> Table:
    try:
        table = pq.read_table(path, use_threads=False, memory_map=False)
        _require_cells(table.schema)
        plain = [pa.field(f.name, pa.string()) if _is_bytes(f.type) else f for f in table.schema]
        table = table.replace_schema_metadata(None).cast(pa.schema(plain))
        frame = table.to_pandas(types_mapper=WHOLE.get)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise SourceError(
            "corrupt", f"the Parquet file cannot be read: {str(error)[:200]}"
        ) from None
    lines = pd.Series(range(1, len(frame) + 1), dtype="int64")
    return Table(frame, lines, header=tuple(frame.columns))


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


def _records(path: Path, name: str, form: Format, header: tuple[str, ...] | None) -> Table:
    """The table, read record by record: slower, but every error names its line.

    In a JSON document, where one line may have many records, the line is the number of the record.
    """
    rows: list[dict[str, object]] = []
    lines: list[int] = []
    bad: list[BadRow] = []
    with tempfile.TemporaryDirectory() as folder:
        named = Path(folder) / name
        shutil.copyfile(path, named)
        try:
            for number, outcome in enumerate(read_records(named), 1):
                line = number if form is Format.JSON else outcome.line
                if isinstance(outcome, BadRecord):
                    raw = outcome.raw.decode("utf-8", "replace")[:MAX_RAW]
                    bad.append(BadRow(line, outcome.rule, outcome.message, raw))
                else:
                    body = outcome.body if header is None else _flat(outcome.body)
                    rows.append({k: _cell(v) for k, v in body.items()})
                    lines.append(line)
        except SourceError as error:
            raise SourceError(error.rule, error.reason, name) from None
    cells = pd.DataFrame(rows, dtype="object") if rows else pd.DataFrame()
    return Table(cells, pd.Series(lines, dtype="int64"), bad, header)


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
