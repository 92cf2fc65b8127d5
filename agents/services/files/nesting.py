"""Flat rows made nested records; rows that repeat the first cell are one record's list items."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from agents.services.files.columns import Column
from agents.services.files.limits import Limits
from agents.services.files.outcomes import BadRecord, Fault, Record

Body = dict[str, object]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a flat table; a cell that is None is absent.

    A row with a `fault` has its `key`, the first cell, too, so that it spoils the record it belongs to
    and no other; if the key cannot be read, it is None.
    """

    line: int
    key: object
    cells: Sequence[object]
    raw: bytes
    fault: Fault | None = None


def nested(
    columns: list[Column], rows: Iterator[Row], limits: Limits
) -> Iterator[Record | BadRecord]:
    """The records in `rows`: one a row, or one a group of rows if there are list columns."""
    if all(column.item is None for column in columns):
        return (_Group(columns, row, limits).finish() for row in rows)
    return _grouped(columns, rows, limits)


def _grouped(
    columns: list[Column], rows: Iterator[Row], limits: Limits
) -> Iterator[Record | BadRecord]:
    group: _Group | None = None
    for row in rows:
        if group is not None and _belongs(row, group):
            group.add(row)
            continue
        if group is not None:
            yield group.finish()
        group = _Group(columns, row, limits)
        if row.key in (None, "") and group.fault is None:
            group.fault = Fault(
                "missing-key",
                columns[0].name,
                "the first cell, which identifies the record, is empty",
            )
    if group is not None:
        yield group.finish()


def _belongs(row: Row, group: "_Group") -> bool:
    """Whether the row is one of the group; a bad row whose key cannot be read may be one, so it is."""
    if row.key is None and row.fault is not None:
        return True
    return row.key not in (None, "") and row.key == group.key


@dataclass(slots=True)
class _Group:
    columns: list[Column]
    first: Row
    limits: Limits
    fault: Fault | None = None
    body: Body = field(default_factory=dict)
    raw: bytearray = field(default_factory=bytearray)
    size: int = 0

    def __post_init__(self) -> None:
        self._take(self.first)
        if self.fault is None:
            for column, cell in zip(self.columns, self.first.cells, strict=True):
                if cell is not None and column.item is None:
                    _put(self.body, column.path, cell)
            self._add_items(self.first)

    @property
    def key(self) -> object:
        return self.first.key

    def add(self, row: Row) -> None:
        """Add a continuation row."""
        self._take(row)
        self.fault = self.fault or self._other_cell(row)
        if self.fault is None:
            self._add_items(row)

    def finish(self) -> Record | BadRecord:
        if self.fault is not None:
            return self.fault.at(self.first.line, bytes(self.raw), self.limits)
        return Record(self.first.line, self.body)

    def _take(self, row: Row) -> None:
        self.size += len(row.raw)
        self.raw += row.raw[: self.limits.raw_bytes - len(self.raw)]
        if self.fault is None and row.fault is not None:
            where = f" (in line {row.line})" if row.line != self.first.line else ""
            self.fault = Fault(row.fault.rule, row.fault.field, row.fault.text + where)
        if self.fault is None and self.size > self.limits.record_bytes:
            limit = self.limits.record_bytes
            self.fault = Fault("row-too-long", "", f"its rows are longer than {limit} bytes")

    def _other_cell(self, row: Row) -> Fault | None:
        for column, first, cell in zip(self.columns, self.first.cells, row.cells, strict=True):
            if column.item is None and cell is not None and cell != first:
                text = f"line {row.line} has another value than the record's first row"
                return Fault("inconsistent-rows", column.name, text)
        return None

    def _add_items(self, row: Row) -> None:
        items: dict[tuple[str, ...], Body] = {}
        for column, cell in zip(self.columns, row.cells, strict=True):
            if cell is None or column.item is None:
                continue
            if column.item:
                _put(items.setdefault(column.path, {}), column.item, cell)
            else:
                _list(self.body, column.path).append(cell)
        for path, item in items.items():
            _list(self.body, path).append(item)


def _put(body: Body, path: tuple[str, ...], cell: object) -> None:
    for part in path[:-1]:
        body = body.setdefault(part, {})  # type: ignore[assignment]  # the header has no conflicts
    body[path[-1]] = cell


def _list(body: Body, path: tuple[str, ...]) -> list[object]:
    for part in path[:-1]:
        body = body.setdefault(part, {})  # type: ignore[assignment]  # the header has no conflicts
    return body.setdefault(path[-1], [])  # type: ignore[return-value]
