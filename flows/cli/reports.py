"""What operations answer: a headline, a table and notes, for the terminal and for the UI."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from agents.runtime.journal.queries import ItemHistory
from agents.runtime.prefect_ui import publish_table
from agents.runtime.redaction import redacted


class Listing(BaseModel):
    """A headline, a table and notes, for the terminal and for the UI; `code` is its exit status.

    `last` is the last line on a terminal, for a program to read.
    """

    title: str
    table: list[dict[str, str]] = []
    lines: list[str] = []
    code: int = 0
    last: str = ""

    def headline(self) -> str:
        """What this is a list of."""
        return self.title

    def rows(self) -> Sequence[Mapping[str, str]]:
        """The table."""
        return self.table

    def notes(self) -> Sequence[str]:
        """Lines below it."""
        return self.lines

    def status(self) -> int:
        """The exit status of its command."""
        return self.code


async def shown(key: str, listing: Listing) -> Listing:
    """The listing, shown in the UI as well."""
    await publish_table(key, listing.table, listing.title)
    return listing


def item_report(told: ItemHistory) -> Listing:
    """An item's life for people to read."""
    table = [
        {"event": row.event, "to": row.target, "fence": str(row.fence), "detail": row.detail or ""}
        for row in told.history
    ]
    lines = [f"{row.agent}: {row.status} {row.output or row.error or ''}" for row in told.steps]
    lines += [f"effect {row.key}: {row.status}" for row in told.effects]
    if (letter := told.letter) is not None:
        lines.append(f"dead letter ({letter.status}) at {letter.agent}: {letter.error}")
    lines.append(f"trace {told.item.trace}, body: {told.item.body}")
    title = f"{told.item.scenario} {told.item.key}: {told.item.outcome or told.item.state}"
    return Listing(title=title, table=table, lines=[redacted(line) for line in lines])
