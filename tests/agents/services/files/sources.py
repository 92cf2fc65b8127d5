"""Files for tests, and what reading them gives."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from agents.services.files.limits import DEFAULTS
from agents.services.files.records import (
    BadRecord,
    Known,
    Limits,
    Record,
    SourceError,
    read_records,
)

INTEGERS = frozenset({"total", "lines[].quantity", "lines[].unit_price"})
SMALL = Limits(record_bytes=200, field_bytes=50, columns=5, depth=4, raw_bytes=20, seconds=20)


def order(number: int, lines: int = 2) -> dict[str, Any]:
    """An order as sources have it."""
    items = [
        {"sku": f"SKU-{number}-{line}", "name": "Bo\u0142t", "quantity": line + 1, "unit_price": 5}
        for line in range(lines)
    ]
    customer = {"id": f"C{number}", "name": "Zo\u00eb", "email": "zoe@example.com"}
    return {"order_id": f"A{number:03}", "customer": customer, "total": number + 1, "lines": items}


def json_lines(bodies: Iterable[object]) -> bytes:
    """The bodies as JSON lines."""
    return b"".join(json.dumps(body, ensure_ascii=False).encode() + b"\n" for body in bodies)


def parquet(table: pa.Table | list[dict[str, Any]], **options: Any) -> bytes:
    """The table as a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(
        pa.Table.from_pylist(table) if isinstance(table, list) else table, sink, **options
    )
    return sink.getvalue()


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The members as a zip archive."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return sink.getvalue()


def gzipped(data: bytes) -> bytes:
    """The data as gzip, the same every time."""
    return gzip.compress(data, mtime=0)


class Outcome:
    """All that reading gave: records, bad ones, and the error at its end."""

    def __init__(self, path: Path | str, limits: Limits = DEFAULTS, **options: Any) -> None:
        self.items: list[Record | BadRecord] = []
        self.error: SourceError | None = None
        try:
            self.items.extend(read_records(path, limits, known=Known(**options)))
        except SourceError as error:
            self.error = error

    @property
    def bodies(self) -> list[dict[str, object]]:
        return [item.body for item in self.items if isinstance(item, Record)]

    @property
    def bad(self) -> list[tuple[int, str, str]]:
        return [(i.line, i.rule, i.field) for i in self.items if isinstance(i, BadRecord)]

    @property
    def rule(self) -> str:
        """The rule of the error, or nothing."""
        return self.error.rule if self.error else ""


def read(
    folder: Path,
    name: str,
    data: bytes,
    limits: Limits = DEFAULTS,
    **options: Any,
) -> Outcome:
    """What a file of that name and content gives; an item is lost only with an error."""
    path = folder / name
    path.write_bytes(data)
    found = Outcome(path, limits, **options)
    lines = [item.line for item in found.items]
    assert lines == sorted(lines)
    return found
