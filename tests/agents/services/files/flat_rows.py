"""A nested record as the rows of a flat table, for those who write CSV or flat Parquet."""

from collections.abc import Iterator, Mapping

from agents.services.files.columns import Column, column

Cells = dict[str, object]


def flat_rows(body: Mapping[str, object]) -> list[Cells]:
    """One row for each list item (at least one), keyed by column name; read_records undoes it.

    The first plain cell stands in every row and must be the table's first column; other cells of
    the record stand in the first row only. None, "", empty lists and objects are absent, as a
    table cannot tell them apart. Raises ValueError for what a table cannot hold: lists within
    lists, empty list items, names that would be read as a path.
    """
    plain: Cells = {}
    items: list[Cells] = []
    for one, value in _leaves(body, ()):
        if isinstance(value, list | tuple):
            _spread(one, value, items)
        else:
            plain[one.name] = value
    if items and not plain:
        raise ValueError("a record with a list needs a plain field that identifies it")
    key = dict(list(plain.items())[:1])
    rows = items or [{}]
    return [{**(key if number else plain), **row} for number, row in enumerate(rows)]


def _leaves(value: object, path: tuple[str, ...]) -> Iterator[tuple[Column, object]]:
    """Plain cells and whole lists, each with its column."""
    if value is None or value in ("", [], (), {}):
        return
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _leaves(entry, (*path, key))
        return
    one = column(".".join(path))
    if one.path != path or one.item is not None or not all(path):
        raise ValueError(f"a table cannot name the field {'.'.join(path)!r}")
    yield one, value


def _spread(one: Column, values: list[object] | tuple[object, ...], items: list[Cells]) -> None:
    items += ({} for _ in range(len(values) - len(items)))
    for row, value in zip(items, values, strict=False):
        cells = _item(one, value)
        if not cells:
            raise ValueError(f"a table cannot hold an empty item of {one.name!r}")
        row.update(cells)


def _item(one: Column, value: object) -> Cells:
    inner = _leaves(value, ()) if isinstance(value, Mapping) else _scalar(value)
    cells: Cells = {}
    for leaf, cell in inner:
        name = f"{one.name}[].{leaf.name}" if leaf.name else f"{one.name}[]"
        if isinstance(cell, list | tuple) or column(name).path != one.path:
            raise ValueError(
                f"a table cannot hold {name!r}: a list in a list, or a name like a path"
            )
        cells[name] = cell
    return cells


def _scalar(value: object) -> Iterator[tuple[Column, object]]:
    if value is not None and value != "":
        yield Column("", ()), value
