"""Decodes the Parquet file on standard input to lines; runs as a process that may die.

The parent runs this file by its path, so it imports nothing of ours. Each output line begins with
one letter: C the column names, R a row, B a bad row, E the end and the number of rows, X why the
file cannot be read. After R and B stand the row's key (if rows are to be grouped by it), a
tab, and the row as a JSON object, or [rule, field, text].
"""

import json
import math
import os
import resource
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NoReturn

_BATCH_ROWS = 256


class Bad(Exception):
    """A value that JSON has no form for."""

    def __init__(self, rule: str, field: str, text: str) -> None:
        super().__init__(rule, field, text)
        self.rule, self.field, self.text = rule, field, text


class _NoPandas:
    """Keeps pandas from being imported: it costs 100 MB, and its timestamps differ from others."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        del path, target
        if name == "pandas":
            raise ImportError(name)


def main() -> int:
    """Decode; arguments: memory in bytes, CPU time in seconds, deepest nesting, most columns, key."""
    *numbers, key = sys.argv[1:]
    memory, seconds, depth, width = map(int, numbers)
    sys.meta_path.insert(0, _NoPandas)
    try:
        rows = 0
        for line in _lines(memory, seconds, depth, width, key):
            _write(line)
            rows += line[0] in "RB"
        _write(f"E{rows}")
    except Bad as error:
        _write("X" + json.dumps([error.rule, error.text]))
    except MemoryError:
        _write('X["memory", "decoding it takes more memory than allowed"]')
    except Exception as error:  # noqa: BLE001 - whatever a hostile file makes Arrow raise
        _write("X" + json.dumps(["corrupt", f"the Parquet data are damaged: {_brief(error)}"]))
    return 0


def _write(line: str) -> None:
    sys.stdout.buffer.write(line.encode("utf-8", "surrogatepass") + b"\n")
    sys.stdout.buffer.flush()


def _brief(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:200]


def _confine(memory: int, seconds: int) -> None:
    """Limit the memory of decoding, beyond what the interpreter and Arrow have taken already."""
    with open("/proc/self/statm", encoding="ascii") as pages:  # noqa: PTH123 - no more imports
        idle = int(pages.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    for kind, limit in (
        (resource.RLIMIT_AS, idle + memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))


def _lines(memory: int, seconds: int, depth: int, width: int, key: str) -> Iterator[str]:
    import pyarrow as pa  # noqa: PLC0415 - after pandas is kept out
    import pyarrow.parquet as pq  # noqa: PLC0415

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    _confine(memory, seconds)
    file = pq.ParquetFile(
        os.fdopen(0, "rb"),
        pre_buffer=False,
        buffer_size=1 << 16,
        coerce_int96_timestamp_unit="us",
        page_checksum_verification=True,
        schema_depth_limit=2 * depth,
        arrow_extensions_enabled=False,
    )
    schema = file.schema_arrow
    _require_simple(schema, depth, width)
    yield "C" + json.dumps(schema.names)
    # The key comes first, so that a row with a bad cell is still known to its record.
    names = sorted(schema.names, key=lambda name: name != key)
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
        yield from _batch_lines(batch.select(names), names)


def _require_simple(schema: Any, depth: int, width: int) -> None:
    """Refuse schemas whose rows cannot be written as JSON objects."""
    if len(schema.names) > width:
        raise Bad("too-many-columns", "", f"more than {width} columns")
    level, nesting = list(schema), 1
    _require_unique(schema.names)
    while level:
        if nesting > depth:
            raise Bad("too-deep", "", f"nested deeper than {depth} levels")
        for field in level:
            _require_unique([inner.name for inner in _fields(field.type)])
        level, nesting = [inner for field in level for inner in _fields(field.type)], nesting + 1


def _fields(kind: Any) -> list[Any]:  # pyarrow has no types
    """What is nested in a type."""
    return [kind.field(index) for index in range(kind.num_fields)]


def _require_unique(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise Bad("duplicate-header", "", f"the column {name[:100]!r} is there twice")


def _batch_lines(batch: Any, names: list[str]) -> Iterator[str]:
    keyed = any("[]" in name for name in names)
    try:
        rows = batch.to_pylist(maps_as_pydicts="strict")
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - one value spoils the batch: find it row by row
        rows = [batch.slice(row, 1) for row in range(batch.num_rows)]
    for row in rows:
        cells = row.items() if isinstance(row, dict) else _cells(row, names)
        yield _row_line(cells, names[0] if keyed else "")


def _row_line(cells: Iterable[tuple[str, object]], key_name: str) -> str:
    """The line of one row; a bad row has its key all the same."""
    found: dict[str, object] = {}
    try:
        for name, value in cells:
            if value is not None:
                found[name] = _plain(value, name)
        kind, written = "R", json.dumps(found, ensure_ascii=False)
    except Bad as bad:
        kind, written = "B", json.dumps([bad.rule, bad.field, bad.text])
    key = json.dumps(found[key_name]) if key_name in found else ""
    return f"{kind}{key}\t{written}"


def _cells(row: Any, names: list[str]) -> Iterator[tuple[str, object]]:
    for name, column in zip(names, row.columns, strict=True):
        try:
            value = column[0].as_py(maps_as_pydicts="strict")
        except MemoryError:
            raise
        except UnicodeDecodeError as error:
            raise Bad("encoding", name, "is not UTF-8") from error
        except Exception as error:
            raise Bad("bad-value", name, f"cannot be converted: {_brief(error)}") from error
        yield name, value


def _object(entries: dict[str, object], parent: str) -> dict[str, object]:
    """The entries that are not null."""
    found = {}
    for name, value in entries.items():
        if not isinstance(name, str):
            raise Bad("unsupported-type", parent, "is a map with keys that are not text")
        if value is not None:
            found[name] = _plain(value, f"{parent}.{name}")
    return found


def _plain(value: object, field: str) -> object:
    """The value as JSON has it; nothing is rounded."""
    if isinstance(value, dict):
        return _object(value, field)
    if isinstance(value, list):
        return [_plain(entry, f"{field}[{index}]") for index, entry in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        _refuse("not-finite", field, f"is {value}")
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return _written(value, field)


def _written(value: object, field: str) -> object:
    if isinstance(value, Decimal):
        return int(value) if value.as_tuple().exponent == 0 else str(value)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if not isinstance(value, bytes):
        _refuse("unsupported-type", field, f"is a {type(value).__name__}")
    try:
        return value.decode()  # old writers do not mark text as text
    except UnicodeDecodeError:
        _refuse("encoding", field, "is not UTF-8")


def _refuse(rule: str, field: str, text: str) -> NoReturn:
    raise Bad(rule, field, text)


if __name__ == "__main__":
    sys.exit(main())
