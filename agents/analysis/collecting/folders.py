"""Columns that the folders of a file name, such as year=2024/month=01: each row of the file has their values."""

from collections.abc import Mapping

from agents.analysis.cleaning.reading import Table


def with_folders(table: Table, folders: Mapping[str, str]) -> Table:
    """The table with these columns; a column that the file itself has stays as it is."""
    for name, value in folders.items():
        if name in table.cells.columns or name in (table.header or ()):
            continue
        table.cells[name] = value
        if table.header is not None:
            table.header += (name,)
    return table
