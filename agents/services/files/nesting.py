"""Flat rows made nested records; adjacent rows with the same key are one record's list items."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from agents.services.files.apart import Apart
from agents.services.files.columns import Column
from agents.services.files.limits import Limits
from agents.services.files.outcomes import BadRecord, Fault, Record

Body = dict[str, object]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a flat table; a cell that is None is absent.

    `key` is the cell that identifies the record, as far as it can be read: a row with a `fault` has
    one too, so that it spoils the record it belongs to and no other. Where a fault leaves open which
    cell is the key, it is None and each of `candidates` may be it.
    """

    line: int
    key: object
    cells: Sequence[object]
    raw: bytes
    fault: Fault | None = None
    candidates: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Table:
    """A flat table; the cells of the column `key` identify the record that a row belongs to."""

    columns: list[Column]
    key: Column
    rows: Iterator[Row]

    @property
    def has_lists(self) -> bool:
        """Whether several rows may be one record."""
        return any(column.item is not None for column in self.columns)


def nested(table: Table, limits: Limits, apart: Apart) -> Iterator[Record | BadRecord]:
    """The records in a table: one a row, or one a group of adjacent rows if there are list columns."""
    if not table.has_lists:
        return (_Group(table.columns, row, limits).finish() for row in table.rows)
    return (group.finish(apart) for group in _groups(table, limits))


def find_apart(table: Table, limits: Limits, apart: Apart) -> None:
    """Read the table for keys whose rows are `apart`; without list columns, nothing is read."""
    if table.has_lists:
        for group in _groups(table, limits):
            apart.see(group.keys, group.digest, group.first.line)


def _groups(table: Table, limits: Limits) -> Iterator["_Group"]:
    group: _Group | None = None
    for row in table.rows:
        if group is not None and group.has(row):
            group.add(row)
            continue
        if group is not None:
            yield group
        group = _Group(table.columns, row, limits)
        if row.key in (None, "") and group.fault is None:
            text = "the cell that identifies the record is empty"
            group.fault = Fault("missing-key", table.key.name, text)
    if group is not None:
        yield group


@dataclass(slots=True)
class _Group:
    columns: list[Column]
    first: Row
    limits: Limits
    fault: Fault | None = None
    body: Body = field(default_factory=dict)
    raw: bytearray = field(default_factory=bytearray)
    size: int = 0
    digest: int = 0
    key: object = None
    candidates: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._take(self.first)
        if self.fault is None:
            for column, cell in zip(self.columns, self.first.cells, strict=True):
                if cell is not None and column.item is None:
                    _put(self.body, column.path, cell)
            self._add_items(self.first)

    @property
    def keys(self) -> frozenset[object]:
        """What may be the key."""
        return frozenset((self.key,)) if self.key not in (None, "") else self.candidates

    def has(self, row: Row) -> bool:
        """Whether the row belongs to the group, or may do so."""
        if row.key in (None, ""):
            return row.fault is not None and (not row.candidates or self.key in row.candidates)
        return row.key == self.key or (self.key is None and row.key in self.candidates)

    def add(self, row: Row) -> None:
        """Add a continuation row."""
        self._take(row)
        self.fault = self.fault or self._other_cell(row)
        if self.fault is None:
            self._add_items(row)

    def finish(self, apart: Apart | None = None) -> Record | BadRecord:
        """The record; a bad one if it has a fault, or if other rows of it are `apart`."""
        if self.fault is None and apart is not None:
            self.fault = apart.fault(self.key)
        if self.fault is not None:
            return self.fault.at(self.first.line, bytes(self.raw), self.limits)
        return Record(self.first.line, self.body)

    def _take(self, row: Row) -> None:
        self.size += len(row.raw)
        self.key = row.key if self.key in (None, "") else self.key
        self.candidates = self.candidates or row.candidates
        self.digest = hash((self.digest, repr(row.cells) if row.cells else row.raw))
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
