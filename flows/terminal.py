"""How a flow is run from a terminal: its parameters as options, a progress bar, an answer at the end."""

import asyncio
import inspect
import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, get_type_hints

import cyclopts
from prefect import Flow
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_LEVEL, temporary_settings
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from agents.runtime.errors import AgentError
from agents.runtime.tally import Tally, watcher

BAD_INPUT = 2
COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
)


class Report(Protocol):
    """What a flow returns to be shown to a person."""

    def headline(self) -> str:
        """One line: what was done, in what time."""
        ...

    def rows(self) -> Sequence[Mapping[str, str]]:
        """A table, its first row's keys the headers."""
        ...

    def notes(self) -> Sequence[str]:
        """Lines below the table."""
        ...


def command(flow: Flow[..., Any]) -> None:
    """Make the flow a command: parse its parameters, run it, show its report.

    Exits with status 2, and words instead of a stack trace, on an error of ours.
    """
    signature = inspect.signature(flow.fn)
    options = [p.replace(kind=p.KEYWORD_ONLY) for p in signature.parameters.values()]

    def main(**given: Any) -> None:
        _show(_run(flow, given))

    main.__doc__ = inspect.getdoc(flow.fn)
    main.__annotations__ = get_type_hints(flow.fn, include_extras=True) | {"return": None}
    main.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # set, not declared
    app = cyclopts.App(name=f"python -m flows.{flow.name.replace('-', '_')}", version_flags=[])
    app.default(main)
    app()


def _run(flow: Flow[..., Any], given: Mapping[str, Any]) -> Report:
    # The bar is for the terminal: what happened in detail is in the log file and in the UI.
    logging.getLogger("prefect").setLevel(logging.ERROR)
    quiet = temporary_settings({PREFECT_LOGGING_LEVEL: "ERROR"})
    with quiet, Progress(*COLUMNS, console=Console(stderr=True)) as bar:
        shown = bar.add_task(f"{flow.name}: starting", total=None)

        def show(tally: Tally) -> None:
            bar.update(shown, description=flow.name, total=tally.expected, completed=tally.done)

        watcher.set(show)
        try:
            report: Report = asyncio.run(flow(**given))
        except AgentError as error:
            bar.stop()
            Console(stderr=True).print(f"error: {error}", markup=False, highlight=False)
            sys.exit(BAD_INPUT)
    return report


def _show(report: Report) -> None:
    console, rows = Console(), report.rows()
    table = Table(title=report.headline(), title_justify="left")
    for name in rows[0]:
        table.add_column(
            name, justify="right" if rows[0][name].replace(",", "").isdigit() else "left"
        )
    for row in rows:
        table.add_row(*row.values())
    console.print(table)
    for note in (*report.notes(), _where_the_runs_are()):
        console.print(note, markup=False, highlight=False, soft_wrap=True)


def _where_the_runs_are() -> str:
    url = PREFECT_API_URL.value()
    if url:
        return f"this run in the Prefect UI: {url.removesuffix('/api')}/runs"
    return (
        "this run in the Prefect UI:  uv run prefect server start  then http://127.0.0.1:4200/runs"
    )
