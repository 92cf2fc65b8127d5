"""Results of operations, for the terminal and for the UI."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pydantic import BaseModel

from agents.runtime.journal.queries import ItemHistory
from agents.runtime.prefect_ui import publish_table
from agents.runtime.redaction import redacted
from agents.workflow.report import RunReport


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


def item_report(found: ItemHistory) -> Listing:
    """The history of one item; personal data is redacted."""
    table = [
        {
            "at (UTC)": datetime.fromtimestamp(row.at, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            "event": row.event,
            "state": row.target,
            "detail": row.detail or "",
        }
        for row in found.history
    ]
    lines = [
        f"step {row.agent}: {row.status} {row.output or row.error or ''}" for row in found.steps
    ]
    lines += [f"effect {row.key}: {row.status}" for row in found.effects]
    if (letter := found.letter) is not None:
        lines.append(f"dead letter ({letter.status}) at {letter.agent}: {letter.error}")
    lines += [f"trace: {found.item.trace}", f"body: {found.item.body}"]
    title = f"{found.item.scenario} {found.item.key}: {found.item.outcome or found.item.state}"
    return Listing(title=title, table=table, lines=[redacted(line) for line in lines])
