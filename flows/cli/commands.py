"""How a flow is run from a terminal: its parameters as options, a progress bar, an answer at the end."""

import asyncio
import inspect
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NoReturn, Protocol, get_args, get_type_hints

import cyclopts
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterId,
)
from prefect.client.schemas.sorting import FlowRunSort
from prefect.logging.handlers import PrefectConsoleHandler
from prefect.settings import PREFECT_API_URL
from pydantic.fields import FieldInfo
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from agents.runtime.errors import AgentError
from agents.runtime.model.batch import RunStats, watcher
from agents.runtime.settings import settings
from agents.runtime.telemetry import get_logger, start_telemetry
from flows.cli.reports import Listing

FAILED, BAD_INPUT, STOPPED = 1, 2, 130
RECORDING_PAUSE = 1.2  # seconds; the server writes once a second
RECORDING_LOOKS = 10
LOG_FILE = "agent-flows.log"
STOPPED_TEXT = "stopped: what was begun is handed back, run the same command again to finish it"
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

    def status(self) -> int:
        """The exit status of the command; not 0 if there is something to see to."""
        ...


def command(
    flow: Flow[..., Any],
    others: Mapping[str, Flow[..., Any]] | None = None,
    again: Callable[[Any], bool] = lambda _report: False,
    *,
    talks: bool = False,
) -> None:
    """Make the flow a command: parse its parameters, run it, show its report.

    One that `talks` has the terminal for itself: no bar is drawn over it. `others` are flows that
    run instead when the command line begins with their word; the first parameter of such a flow may
    follow without its name. While `again` says so of its report, the
    flow is run again.
    Exits with words instead of a stack trace: with status 2 on an error of ours, with 130 on
    Ctrl-C, and with 1 on anything that nobody expected, whose trace is in the log file.
    """
    app = cyclopts.App(name=f"python -m flows.{flow.name.replace('-', '_')}", version_flags=[])
    app.default(_main_of(flow, again=again, talks=talks))
    for word, other in (others or {}).items():
        app.command(_main_of(other, first_by_place=True), name=word)
    app()


def commands(module: str, *flows: Flow[..., Any]) -> None:
    """Make each flow a subcommand, named as the flow."""
    app = cyclopts.App(name=f"python -m {module}", version_flags=[])
    for flow in flows:
        app.command(_main_of(flow), name=flow.name)
    app()


def _main_of(
    flow: Flow[..., Any],
    *,
    first_by_place: bool = False,
    again: Callable[[Any], bool] = lambda _report: False,
    talks: bool = False,
) -> Callable[..., None]:
    signature = inspect.signature(flow.fn)
    options = [p.replace(kind=p.KEYWORD_ONLY) for p in signature.parameters.values()]
    if first_by_place and options:
        options[0] = options[0].replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD)
    hints = get_type_hints(flow.fn, include_extras=True)

    def main(*first: Any, **given: Any) -> None:
        named = dict(zip((option.name for option in options), first, strict=False)) | given
        while again(report := _run(flow, named, talks=talks)):
            pass
        _show(report)
        sys.exit(report.status())

    main.__doc__ = inspect.getdoc(flow.fn)
    main.__annotations__ = {name: _bounded(hint) for name, hint in hints.items()} | {"return": None}
    main.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # set, not declared
    return main


def _bounded(hint: Any) -> Any:
    """The hint with pydantic's bounds as those of the command line, whose errors a person can read."""
    kind, *notes = get_args(hint) or (hint,)
    bounds = [bound for note in notes if isinstance(note, FieldInfo) for bound in note.metadata]
    least = next((bound.ge for bound in bounds if hasattr(bound, "ge")), None)
    most = next((bound.le for bound in bounds if hasattr(bound, "le")), None)
    if least is None and most is None:
        return hint
    number: Any = cyclopts.validators.Number(gte=least, lte=most)
    return Annotated[kind, cyclopts.Parameter(validator=number)]


def _run(flow: Flow[..., Any], given: Mapping[str, Any], *, talks: bool) -> Report:
    _keep_log_off_terminal()
    try:
        return asyncio.run(_watched(flow, given, talks=talks))
    except AgentError as error:
        _end(f"error: {error}", BAD_INPUT)
    except KeyboardInterrupt:
        _end(STOPPED_TEXT, STOPPED)
    except Exception as error:  # noqa: BLE001 - nothing above this would tell a person more
        _end(_unexpected(error), FAILED)


async def _watched(flow: Flow[..., Any], given: Mapping[str, Any], *, talks: bool) -> Report:
    screen = Console(stderr=True)
    with Progress(*COLUMNS, console=screen, transient=True, disable=talks) as bar:
        shown = bar.add_task(f"{flow.name}: starting", total=None)

        def show(stats: RunStats) -> None:
            bar.update(shown, description=flow.name, total=stats.expected, completed=stats.done)

        watcher.set(show)
        report: Report = await flow(**given)
        await _recorded(flow.name)
        return report


async def _recorded(flow: str) -> None:
    """Wait, bounded, until the server has recorded the task runs of the flow's last run.

    The temporary server ends with this process, and would drop what it has not written yet.
    """
    if PREFECT_API_URL.value():
        return
    named, before = FlowFilter(name=FlowFilterName(any_=[flow])), -1
    async with get_client() as client:
        runs = await client.read_flow_runs(
            flow_filter=named, sort=FlowRunSort.START_TIME_DESC, limit=1
        )
        this = FlowRunFilter(id=FlowRunFilterId(any_=[run.id for run in runs]))
        for _ in range(RECORDING_LOOKS):
            found = await client.read_task_runs(flow_run_filter=this)
            final = sum(r.state is not None and r.state.is_final() for r in found)
            if final == len(found) == before:
                return
            before = len(found)
            await asyncio.sleep(RECORDING_PAUSE)


def _keep_log_off_terminal() -> None:
    """The bar is for the terminal: what happened in detail is in the log file and in the UI."""
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, PrefectConsoleHandler)]:
        root.removeHandler(handler)
    root.addHandler(logging.NullHandler())  # with no handler at all, Python would write warnings


def _unexpected(error: Exception) -> str:
    start_telemetry(settings())
    get_logger("agents.flows").error("run failed unexpectedly", exc_info=error)
    words = str(error).partition("\n")[0] or "no message"
    return f"error: {type(error).__name__}: {words}, see {settings().data / LOG_FILE}"


def _end(words: str, status: int) -> NoReturn:
    Console(stderr=True).print(words, markup=False, highlight=False, soft_wrap=True)
    sys.exit(status)


def _show(report: Report) -> None:
    console, rows = Console(), report.rows()
    console.print(report.headline(), markup=False, highlight=False, soft_wrap=True)
    table = Table()
    for name in rows[0] if rows else ():
        table.add_column(
            name, justify="right" if rows[0][name].replace(",", "").isdigit() else "left"
        )
    for row in rows:
        table.add_row(*row.values())
    if rows:
        console.print(table)
    for note in (*report.notes(), _where_the_runs_are()):
        console.print(note, markup=False, highlight=False, soft_wrap=True)
    if isinstance(report, Listing) and report.last:
        console.print(report.last, markup=False, highlight=False, soft_wrap=True)


def _where_the_runs_are() -> str:
    url = PREFECT_API_URL.value()
    if url:
        return f"this run in the Prefect UI: {url.removesuffix('/api')}/runs"
    return (
        "this run in the Prefect UI:  uv run prefect server start  then http://127.0.0.1:4200/runs"
    )
