"""Writes the result of a command: a table on a terminal, records on a narrow one, plain columns in a pipe."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

NARROW = 60  # columns below which a table would cut its cells to pieces
GAP = "  "

Rows = Sequence[Mapping[str, str]]


class _Output(Console):
    """Standard output; that nobody reads it any more is an error like others."""

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError, which rich has just caught."""
        raise BrokenPipeError


def display(title: str, rows: Rows, notes: Sequence[str], last: str = "") -> None:
    """Write the result to standard output; nothing is cut, wherever it goes.

    Args:
        title: The first line.
        rows: The rows of the table; the keys of the first row are its headers.
        notes: Lines below the table.
        last: The last line, for programs; empty for none.

    """
    console = _Output()
    _line(console, title)
    if rows and not console.is_terminal:
        _plain(rows)
    elif rows and console.width < NARROW:
        _records(console, rows)
    elif rows:
        _table(console, rows)
    for note in (*notes, *filter(None, [last])):
        _line(console, note)


def _line(console: Console, words: str) -> None:
    console.print(words, markup=False, highlight=False, soft_wrap=True)


def _plain(rows: Rows) -> None:
    """Columns of text, one line a row, as long as they are."""
    lines = [list(rows[0]), *([_one_line(text) for text in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        print(GAP.join(cells).rstrip())


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _records(console: Console, rows: Rows) -> None:
    """Each row as lines of name and value."""
    for row in rows:
        _line(console, "")
        for name, text in row.items():
            if text:
                _line(console, f"{name}: {text}")


def _table(console: Console, rows: Rows) -> None:
    table = Table()
    for place, name in enumerate(rows[0]):
        number = rows[0][name].replace(",", "").isdigit()
        # The first column names the row, such as an order's id: a program or a person copies it.
        table.add_column(
            name, justify="right" if number else "left", overflow="fold", no_wrap=place == 0
        )
    for row in rows:
        table.add_row(*row.values())
    least = max(len(next(iter(row.values()))) for row in rows)
    if least > console.width // 2:
        _records(console, rows)
    else:
        console.print(table, markup=False, highlight=False)
