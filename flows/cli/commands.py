"""Runs flows from a terminal: parameters as options, a progress bar, a report at the end."""

import asyncio
import inspect
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial, reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Protocol, Union, get_args, get_origin, get_type_hints

import cyclopts
from prefect import Flow
from prefect.exceptions import TerminationSignal
from prefect.logging.handlers import PrefectConsoleHandler
from prefect.settings import PREFECT_API_URL
from pydantic.fields import FieldInfo
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from agents.runtime.command_line import end, in_words
from agents.runtime.model.batch import RunStats, watcher
from agents.runtime.scheduling.eta import duration, of_run
from agents.runtime.settings import settings
from agents.runtime.shutdown import Ending
from agents.runtime.telemetry import start_telemetry
from agents.workflow.exit_status import MEANINGS, ExitStatus
from flows.cli.display import NARROW, display
from flows.cli.error_messages import NotConfirmed, explained
from flows.cli.flow_runs import run_tagged
from flows.cli.local_server import use_local_server, uses_local_server
from flows.cli.reports import Listing, report_as_json

BY_PLACE = {"key", "keys", "message", "candidate", "workflow"}  # may be given without their names
AsJson = Annotated[
    bool, cyclopts.Parameter(negative=(), help="Write the result as one JSON object.")
]
LEFT = TextColumn("{task.fields[left]}")
COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
    LEFT,
)
NARROW_COLUMNS = (TextColumn("{task.description}"), MofNCompleteColumn(), LEFT)


class Report(Protocol):
    """The result of a flow, for a terminal."""

    def headline(self) -> str:
        """One line: what was done and how long it took."""
        ...

    def rows(self) -> Sequence[Mapping[str, str]]:
        """The rows of a table; the keys of the first row are the headers."""
        ...

    def notes(self) -> Sequence[str]:
        """Lines below the table."""
        ...

    def status(self) -> int:
        """The exit status of the command; not 0 if a person must act."""
        ...

    def problem(self) -> str:
        """One line for standard error about a source that gave nothing or not all; else empty."""
        ...


# A flow, which runs on a server and is seen in its UI; or a function that does without, and starts at once.
Command = Flow[..., Any] | Callable[..., Coroutine[Any, Any, Report]]


def command(
    flow: Flow[..., Any],
    others: Mapping[str, Command] | None = None,
    again: Callable[[Any], bool] = lambda _report: False,
    *,
    talks: bool = False,
) -> None:
    """Run the flow as a command with the options of the command line, then show its report.

    The process exits with the report's status, on an AgentError with a message and its status, with
    130 on Ctrl-C, and with 1 on any other exception, whose stack trace is in the log file.

    Args:
        flow: The flow of the command; each of its parameters is an option.
        others: What runs instead when the command line begins with its word. Its first parameter may be
            given without its name.
        again: Runs the flow again while it returns True for the report.
        talks: The flow uses the terminal itself, so no progress bar is drawn.

    """
    app = _app()
    app.default(_main_of(flow, again=again, talks=talks))
    for word, other in (others or {}).items():
        app.command(_main_of(other, first_by_place=True), name=word)
    app()


def commands(description: str, groups: Mapping[str, Sequence[Flow[..., Any]]]) -> None:
    """Run one of several flows as a subcommand that is named like its flow.

    Args:
        description: What the commands are for; the first text of the help.
        groups: The flows by the heading under which the help lists them.

    """
    app = _app(help=description, group_commands=cyclopts.Group("Help", sort_key=len(groups)))
    for number, (heading, flows) in enumerate(groups.items()):
        group = cyclopts.Group(heading, sort_key=number)
        for flow in flows:
            app.command(_main_of(flow), name=flow.name, group=group)
    app()


def _app(**options: Any) -> cyclopts.App:
    # Without its negative, a list has one option: --source, and no --empty-source.
    plain = cyclopts.Parameter(negative_iterable=())
    return cyclopts.App(
        name=_program(),
        version_flags=[],
        default_parameter=plain,
        help_epilogue=MEANINGS,
        **options,
    )


def _program() -> str:
    """The start of the command line: `python -m flows.operations`, or `python flows/chat.py`."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is None:
        return f"python {sys.argv[0]}"
    return f"python -m {spec.name.removesuffix('.__main__')}"


def _main_of(
    command: Command,
    *,
    first_by_place: bool = False,
    again: Callable[[Any], bool] = lambda _report: False,
    talks: bool = False,
) -> Callable[..., None]:
    function = command.fn if isinstance(command, Flow) else command
    signature = inspect.signature(function)
    options = [p.replace(kind=p.KEYWORD_ONLY) for p in signature.parameters.values()]
    by_place = BY_PLACE | {option.name for option in options[:first_by_place]}
    # Those that are given without their names come first: `show W1763367`, `replay A B --by ann`.
    options.sort(key=lambda option: option.name not in by_place)
    options = [
        option.replace(kind=option.POSITIONAL_OR_KEYWORD) if option.name in by_place else option
        for option in options
    ]
    hints = get_type_hints(function, include_extras=True)

    def main(*first: Any, json: bool = False, **given: Any) -> None:
        named = dict(zip((option.name for option in options), first, strict=False)) | given
        ENDING.install()
        if isinstance(command, Flow):
            while again(report := _confirmed(command, named, talks=talks)):
                pass
        else:
            report = in_words(
                lambda: asyncio.run(command(**named)), ENDING, partial(explained, named)
            )
        where = _where_to_see_it() if isinstance(command, Flow) else ""
        in_words(lambda: _show(report, where, as_json=json), ENDING, partial(explained, named))
        if words := report.problem():
            end(words, report.status())
        sys.exit(report.status())

    main.__doc__ = inspect.getdoc(function)
    annotations = {name: _bounded(hint) for name, hint in hints.items()} | {"return": None}
    main.__annotations__ = annotations | {"json": AsJson}
    as_json = inspect.Parameter(
        "json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=AsJson
    )
    main.__signature__ = inspect.Signature([*options, as_json])  # type: ignore[attr-defined]  # set, not declared
    return main


def _bounded(hint: Any) -> Any:
    """The type with the bounds of its pydantic field checked by the command line, in plain words."""
    if get_origin(hint) in (Union, UnionType):
        return reduce(or_, map(_bounded, get_args(hint)))
    kind, *notes = get_args(hint) or (hint,)
    marks = [mark for note in notes if isinstance(note, FieldInfo) for mark in note.metadata]
    bounds = {
        word: getattr(mark, name)
        for name, word in (("ge", "gte"), ("gt", "gt"), ("le", "lte"), ("lt", "lt"))
        for mark in marks
        if hasattr(mark, name)
    }
    if not bounds:
        return hint
    number: Any = cyclopts.validators.Number(**bounds)
    return Annotated[kind, cyclopts.Parameter(validator=number)]


def _confirmed(flow: Flow[..., Any], given: Mapping[str, Any], *, talks: bool) -> Report:
    """Run the flow; if it needs a person's consent and there is one, ask and run it again."""
    found = _run(flow, given, talks=talks)
    if isinstance(found, NotConfirmed):
        if not (sys.stdin.isatty() and sys.stderr.isatty() and _consents(found.question)):
            end(*explained(given, found))
        found = _run(flow, {**given, found.option: True}, talks=talks)
    assert not isinstance(found, NotConfirmed)
    return found


def _consents(question: str) -> bool:
    sys.stderr.write(f"{question}\n")
    answer = in_words(lambda: input("type yes to go on: "), ENDING, partial(explained, {}))
    return answer.strip().lower() == "yes" or end("nothing was changed", ExitStatus.BAD_INPUT)


def _run(flow: Flow[..., Any], given: Mapping[str, Any], *, talks: bool) -> Report | NotConfirmed:
    keep_log_off_terminal()

    def run() -> Report | NotConfirmed:
        start_telemetry(settings())  # before a server is started: it may be all that goes wrong
        use_local_server()
        try:
            return asyncio.run(_watched(flow, given, talks=talks))
        except NotConfirmed as question:
            return question
        except TerminationSignal:  # Prefect's own handler had SIGTERM for a moment
            ENDING.note(signal.SIGTERM)
            raise KeyboardInterrupt from None

    return in_words(run, ENDING, partial(explained, given))


ENDING = Ending()


async def _watched(flow: Flow[..., Any], given: Mapping[str, Any], *, talks: bool) -> Report:
    with ENDING.cancels_task():
        return await _shown_running(flow, given, talks=talks)


async def _shown_running(flow: Flow[..., Any], given: Mapping[str, Any], *, talks: bool) -> Report:
    screen = Console(stderr=True)
    quiet, narrow = talks or not screen.is_terminal, screen.width < NARROW
    columns = NARROW_COLUMNS if narrow else COLUMNS
    with Progress(*columns, console=screen, transient=True, disable=quiet) as bar:
        shown = bar.add_task(f"{flow.name}: starting", total=None, left="")

        def show(stats: RunStats) -> None:
            left, done = time_left(stats, narrow=narrow), stats.done
            name = flow.name
            bar.update(shown, description=name, total=stats.expected, completed=done, left=left)

        watcher.set(show)
        if not quiet and uses_local_server():
            screen.print(f"Prefect UI: {_pages()}")
        report: Report = await run_tagged(flow, given)
        return report


def time_left(stats: RunStats, *, narrow: bool) -> str:
    """When a run ends, in words; empty while nobody knows."""
    eta = of_run(stats)
    if eta is None:
        return ""
    return f"left: {duration(eta.p50)}" if narrow else f"left: {eta}"


def keep_log_off_terminal() -> None:
    """The terminal shows the bar and the report; details are in the log file and in the UI."""
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, PrefectConsoleHandler)]:
        root.removeHandler(handler)
    root.addHandler(logging.NullHandler())  # with no handler at all, Python would write warnings


def _show(report: Report, where: str, *, as_json: bool) -> None:
    title, rows, notes = report.headline(), report.rows(), report.notes()
    if as_json:
        print(report_as_json(title, rows, notes))
    else:
        last = report.last if isinstance(report, Listing) else ""
        display(title, rows, (*notes, where) if where else notes, last)
    sys.stdout.flush()  # a closed pipe is noticed here instead of while Python ends


def _where_to_see_it() -> str:
    idle = duration(settings().prefect_idle_seconds)
    until = f", until nobody has used it for {idle}" if uses_local_server() else ""
    return f"this run in the Prefect UI: {_pages()}{until}"


def _pages() -> str:
    return f"{(PREFECT_API_URL.value() or '').removesuffix('/api')}/runs"
