"""What a person sees: a table that follows what happens, or a line for each change in a pipe."""

import sys
import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deployments.up.record import Entry

NARROW = 72  # columns below which a process has two lines
STYLES = {
    "healthy": "green",
    "done": "green",
    "starting": "yellow",
    "restarting": "red",
    "unhealthy": "red",
    "waiting": "dim",
    "stopped": "dim",
}


def lasted(seconds: float) -> str:
    """A duration, as 45 s, 12 min, 3 h."""
    if seconds < 120:
        return f"{max(0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.0f} h"


def table(entries: Sequence[Entry], width: int) -> Table:
    """How each process is; it fits 40 columns."""
    wide = width >= NARROW
    shown = Table(box=None, pad_edge=False, show_header=wide, expand=False)
    shown.add_column("process", no_wrap=True)
    shown.add_column("state", overflow="fold")
    if wide:
        for name in ("since", "pid", "restarts", "address or reason"):
            shown.add_column(name, justify="right" if name != "address or reason" else "left")
    for entry in entries:
        shown.add_row(*_cells(entry, wide=wide))
    return shown


def _cells(entry: Entry, *, wide: bool) -> list[Text]:
    since = lasted(time.time() - entry.since)
    state = Text(entry.state, STYLES.get(entry.state, ""))
    last = entry.note or entry.address
    if wide:
        restarts = str(entry.restarts) if entry.restarts else ""
        rest = (since, str(entry.pid or ""), restarts, last)
        return [Text(entry.name), state, *(Text(word) for word in rest)]
    if last:
        state.append(f"\n{last}", "default")
    return [Text(entry.name), state]


class Screen:
    """Follows an installation on standard output."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(file=sys.stdout, highlight=False, soft_wrap=True)
        self._live: Live | None = None
        self._begun = time.monotonic()

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live = Live(console=self.console, refresh_per_second=4, transient=False)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, changed: Entry, entries: Sequence[Entry]) -> None:
        """Show a change: all processes in a terminal, a line of it in a pipe."""
        if self._live is not None:
            self._live.update(Group(table(entries, self.console.width)))
            return
        after = f"{time.monotonic() - self._begun:6.1f} s"
        self.say(f"{after}  {changed.name} {changed.state}{changed.note and f': {changed.note}'}")

    def refresh(self, entries: Sequence[Entry]) -> None:
        """Show how long each has been as it is."""
        if self._live is not None:
            self._live.update(Group(table(entries, self.console.width)))

    def say(self, line: str) -> None:
        """Print a line, above the table."""
        self.console.print(line, markup=False)
        if self._live is None:
            sys.stdout.flush()
