"""Workbooks (.xlsx): the rows of one sheet as JSON lines, read a row at a time.

Numbers, texts, booleans and times stay what they are; a formula is the value that was saved with it.
"""

import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import orjson

from agents.services.files.limits import DEFAULTS
from agents.services.files.outcomes import SourceError

MOST_PLAIN = 512 << 20  # bytes of all parts, unpacked
MOST_STRINGS = 64 << 20  # bytes of the table of texts, which is in memory as a whole
MOST_PARTS = 1_000
STRINGS = "xl/sharedStrings.xml"


def sheet_rows(path: Path, sheet: str) -> Iterator[bytes]:
    """The rows below the header of the sheet, or of the first one. Raises SourceError."""
    import openpyxl  # noqa: PLC0415 - few sources need it

    _require_bounded(path)
    with path.open("rb") as file:  # by a path its reader wants a suffix
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            yield from _lines(_sheet(book, sheet).iter_rows(values_only=True))
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a damaged workbook makes its reader raise
            raise _damaged(error) from None


def _sheet(book: Any, name: str) -> Any:
    if name and name not in book.sheetnames:
        names = ", ".join(book.sheetnames)[:200]
        raise SourceError("sheet", f"there is no sheet {name!r}; there are {names}")
    return book[name] if name else book.worksheets[0]


def _lines(rows: Iterator[Sequence[Any]]) -> Iterator[bytes]:
    names: list[str] | None = None
    for row in rows:
        if all(cell is None for cell in row):
            continue
        if names is None:
            names = _header(row)
            continue
        # A cell beside the header is a column that the contract does not have, and not lost.
        beside = {f"column {n}": row[n - 1] for n in range(len(names) + 1, len(row) + 1)}
        cells = dict(zip(names, row, strict=False)) | beside
        named = {name: _cell(cell) for name, cell in cells.items() if cell is not None}
        yield orjson.dumps(named) + b"\n"


def _header(row: Sequence[Any]) -> list[str]:
    names = [
        str(cell).strip() if cell is not None else f"column {n}" for n, cell in enumerate(row, 1)
    ]
    if len(set(names)) != len(names):
        raise SourceError("columns", "two columns of the sheet have the same name")
    return names


def _cell(value: Any) -> Any:
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case _:
            return value


def _require_bounded(path: Path) -> None:
    """Refuse what expands too much, by the sizes in its directory, which its reader does not exceed."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise _damaged(error) from None
    plain = sum(part.file_size for part in parts)
    strings = sum(part.file_size for part in parts if part.filename == STRINGS)
    packed = max(1, sum(part.compress_size for part in parts))
    if len(parts) > MOST_PARTS or plain > MOST_PLAIN or strings > MOST_STRINGS:
        raise SourceError("too-large", "the workbook is too large: export it as CSV")
    if plain > DEFAULTS.ratio_floor and plain > packed * DEFAULTS.ratio:
        raise SourceError("bomb", f"it expands more than 1:{DEFAULTS.ratio}")


def _damaged(error: Exception) -> SourceError:
    return SourceError("corrupt", f"the workbook cannot be read: {str(error)[:200]}")
