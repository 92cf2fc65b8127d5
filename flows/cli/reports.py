"""Results of operations, for the terminal and for the UI."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from prefect.settings import PREFECT_API_URL
from pydantic import BaseModel
from sqlalchemy import Row

from agents.runtime.journal.queries import ItemHistory
from agents.runtime.model.lifecycle import State
from agents.runtime.model.scenario import Summary
from agents.runtime.prefect_ui import publish_table
from agents.runtime.redaction import redacted
from agents.runtime.scheduling.eta import duration
from agents.runtime.scheduling.reservations import amount
from agents.workflow.report import RunReport
from flows.cli.next_steps import command_lines, possible, skip_line


class Listing(BaseModel):
    """A title, a table and lines below it.

    `code` is the exit status of the command, `wrong` says in one line why it is not 0, and `last` is
    the last line on a terminal, for programs.
    """

    title: str
    table: list[dict[str, str]] = []
    lines: list[str] = []
    code: int = 0
    wrong: str = ""
    last: str = ""

    def headline(self) -> str:
        """The title."""
        return self.title

    def rows(self) -> Sequence[Mapping[str, str]]:
        """The rows of the table."""
        return self.table

    def notes(self) -> Sequence[str]:
        """The lines below the table."""
        return self.lines

    def status(self) -> int:
        """The exit status of the command."""
        return self.code

    def problem(self) -> str:
        """Why the exit status is not 0, where the lines do not say it."""
        return self.wrong


def enqueued(report: RunReport) -> Listing:
    """What happened to the records that were put into a queue."""
    table = [
        {"outcome": word, report.noun: f"{count:,}"}
        for word, count in report.outcomes.items()
        if count
    ]
    return Listing(
        title="enqueued",
        table=table,
        lines=report.notes(),
        code=report.status(),
        wrong=report.problem(),
    )


async def shown(key: str, listing: Listing) -> Listing:
    """Publish the listing as an artifact of the run, under this key, and return it."""
    await publish_table(key, listing.table, listing.title)
    return listing


def moment(seconds: float) -> str:
    """A time since 1970 as a person reads it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def item_report(
    found: ItemHistory, summary: Summary, forecast: Sequence[str] = (), *, can_correct: bool
) -> Listing:
    """The history of one item; personal data is redacted.

    Args:
        found: What the journal has of the item.
        summary: What its scenario says of it.
        forecast: Lines that say when it is done and what is expected of it.
        can_correct: Whether the scenario lets an operator replace the body of an item.

    """
    item = found.item
    title = f"{item.scenario} {item.key}: {item.outcome or item.state}"
    if found.is_pruned:
        ended = f"it ended at {moment(item.ended_at)} UTC"
        return Listing(title=title, lines=[f"pruned: {ended}; its details have been deleted"])
    lines = [*_of_summary(summary), *forecast, *_steps(found), *_effects_and_messages(found)]
    if (letter := found.letter) is not None:
        at = f"{letter.agent}, {moment(letter.at)} UTC"
        lines.append(f"dead letter ({letter.status}) at {at}: {letter.error}")
    lines += _flow_runs(found)
    lines += [f"trace: {item.trace}", f"body: {item.body}"]
    lines = [redacted(line) for line in lines]
    lines += [f"next: {line}" for line in _next(found, can_correct=can_correct)]
    return Listing(title=title, table=_events(found), lines=lines)


def _events(found: ItemHistory) -> list[dict[str, str]]:
    table, before = [], found.item.accepted_at
    for row in found.history:
        table.append(
            {
                "at (UTC)": moment(row.at),
                "after": duration(row.at - before),
                "event": row.event,
                "state": row.target,
                "detail": redacted(row.detail or ""),
            }
        )
        before = row.at
    return table


def _of_summary(summary: Summary) -> Iterator[str]:
    if summary.amount:
        yield f"amount: {summary.amount}; paid or held: {summary.held or 'nothing'}"
    if summary.customer:
        yield f"customer: {summary.customer}"


def _used(step: Row[Any]) -> dict[str, float]:
    used: dict[str, float] = orjson.loads(step.used) if step.used else {}
    return used


def _steps(found: ItemHistory) -> Iterator[str]:
    """Each step with its time: from the call of its effect, or from what ended before it."""
    called = {(row.agent, row.occurrence): row.intended_at for row in found.effects}
    ends = sorted([row.at for row in found.history] + [row.at for row in found.steps])
    for row in found.steps:
        earlier = [at for at in ends if at < row.at]
        begun = called.get((row.agent, row.occurrence)) or (earlier[-1] if earlier else row.at)
        failed = f", {row.attempts} failed attempts" if row.attempts else ""
        took = duration(row.at - begun) + failed
        used = "".join(f", used {amount(n)} {name}" for name, n in _used(row).items())
        yield f"step {row.agent}: {row.status} ({took}{used}) {row.output or row.error or ''}"


def _effects_and_messages(found: ItemHistory) -> Iterator[str]:
    for row in found.effects:
        yield f"effect {row.key}: {row.status} (called at {moment(row.intended_at)} UTC)"
    for row in found.notices:
        reason = f": {row.error}" if row.error else ""
        yield f"message {row.topic} by {row.channel}: {row.status}{reason}"


def _flow_runs(found: ItemHistory) -> Iterator[str]:
    """The flow runs whose processes held the item; their ids end the names of these processes."""
    runs = dict.fromkeys(
        row.owner.rpartition("@")[2] for row in found.history if row.owner and "@" in row.owner
    )
    for run in runs:
        page = flow_run_page(run)
        yield f"flow run {run}{f': {page}' if page else ''}"


def flow_run_page(run: str) -> str:
    """The address of a flow run in Prefect's UI; empty without a server of its own."""
    url = PREFECT_API_URL.value()
    return f"{url.removesuffix('/api')}/runs/flow-run/{run}" if url else ""


def _next(found: ItemHistory, *, can_correct: bool) -> Iterator[str]:
    item, letter = found.item, found.letter
    names = possible(
        State(item.state),
        waits=item.waiting_since is not None,
        failed=letter is not None and letter.status == "open",
    )
    if not can_correct:
        names = [name for name in names if name not in {"mend", "edit"}]
    yield from command_lines(names, item.scenario, item.key)
    if item.scenario == "tasks" and item.owner is None:
        yield from skip_line(State(item.state), item.key)


def report_as_json(title: str, rows: Sequence[Mapping[str, Any]], notes: Sequence[str]) -> str:
    """A result for programs."""
    found = {"title": title, "rows": [dict(row) for row in rows], "notes": list(notes)}
    return orjson.dumps(found, option=orjson.OPT_INDENT_2).decode()


def summary_columns(summary: Summary | None) -> dict[str, str]:
    """The columns of a list that a summary fills; None for an item that this code cannot read."""
    if summary is None:
        return {"amount": "?", "customer": "?", "paid or held": "?"}
    return {
        "amount": summary.amount,
        "customer": summary.customer,
        "paid or held": summary.held,
    }


def due(row: Row[Any]) -> str:
    """When something happens to an item that waits if nobody acts."""
    if row.due is not None:
        return f"rejected in {duration(max(row.due, 0.0))}"
    if row.remaining is not None:
        return f"undone in {duration(max(row.remaining, 0.0))}"
    return ""
