"""Column names of flat tables: where in a nested record their cells go."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agents.services.files.foreign import Shape
from agents.services.files.limits import Limits
from agents.services.files.outcomes import Fault, SourceError
from agents.services.files.text import clean

_PART = r"[^.\[\]\s]+"
_DOTS = rf"{_PART}(?:\.{_PART})*"
_NESTED = re.compile(rf"({_DOTS})(?:(\[\])(?:\.({_DOTS}))?)?")


@dataclass(frozen=True, slots=True)
class Column:
    """`path` to the cell from the record; in a list (`item` is not None) `item` is the rest."""

    name: str
    path: tuple[str, ...]
    item: tuple[str, ...] | None = None


def column(name: str) -> Column:
    """`a.b` nests, `list[].a` is a field of list items, any other name is taken as it is."""
    match = _NESTED.fullmatch(name)
    if match is None:
        return Column(name, (name,))
    path, listed, item = match.groups()
    if listed is None:
        return Column(name, tuple(path.split(".")))
    return Column(name, tuple(path.split(".")), tuple(item.split(".")) if item else ())


def columns(names: Sequence[str], limits: Limits) -> list[Column]:
    """The columns of a table. Raises SourceError if the names contradict each other."""
    if len(names) > limits.columns:
        raise SourceError("too-many-columns", f"more than {limits.columns} columns")
    found = [column(_clean_name(name, limits)) for name in names]
    _refuse_duplicates([one.name for one in found])
    _refuse_conflicts(found, limits)
    return found


def shaped_columns(header: Sequence[str], shape: Shape) -> list[Column]:
    """The columns that are read of a table of another program. Raises SourceError."""
    read = [name for name in header if name in shape.record | shape.rows]
    _refuse_duplicates(read)
    return [
        Column(name, ("rows",), (name,)) if name in shape.rows else Column(name, ("record", name))
        for name in read
    ]


def key_column(found: Sequence[Column], name: str) -> Column:
    """The column that identifies the record: the one of this name; without a name, the first.

    Raises NoKey, and SourceError if it is a list.
    """
    if name and name not in (one.name for one in found):
        raise NoKey(name, tuple(one.name for one in found))
    key = next(one for one in found if one.name == name or not name)
    if key.item is not None:
        text = f"the first column must identify the record, not be a list: {key.name}"
        raise SourceError("header", text)
    return key


class NoKey(SourceError):
    """The header has no column that identifies the record; `header` is what it has."""

    def __init__(self, key: str, header: tuple[str, ...], source: str = "") -> None:
        alike = [name for name in header if name.casefold() == key.casefold()]
        hint = f"; names are case-sensitive: it has {alike[0][:100]!r}" if alike else ""
        reason = f"the header has no column {key!r}, which identifies the record{hint}"
        super().__init__("header", reason, source)
        self.args = key, header, source  # what a copy is made from
        self.key, self.header = key, header


def _clean_name(name: str, limits: Limits) -> str:
    cleaned = clean(name, limits)
    if isinstance(cleaned, Fault):
        raise SourceError("header", f"a column name {cleaned.text}")
    if not cleaned:
        raise SourceError("header", "a column has no name")
    return cleaned


def _refuse_duplicates(names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise SourceError("duplicate-header", f"the column {name[:100]!r} is there twice")
        seen.add(name)


def _refuse_conflicts(found: list[Column], limits: Limits) -> None:
    """A place in the record holds a cell, a list or further names: one of the three."""
    kinds: dict[tuple[str, ...], str] = {}
    for one in found:
        for place, kind in _places(one):
            if len(place) > limits.depth:
                raise SourceError("too-deep", f"column {one.name[:100]!r} nests too deep")
            if kinds.setdefault(place, kind) != kind:
                raise SourceError("header", f"column {one.name[:100]!r} contradicts another one")


def _places(one: Column) -> list[tuple[tuple[str, ...], str]]:
    full = one.path if one.item is None else (*one.path, "[]", *one.item)
    inner = [(full[:end], "names") for end in range(1, len(full))]
    if one.item is not None:
        inner[len(one.path) - 1 : len(one.path)] = [(one.path, "list")]
    return [*inner, (full, "cell")]
