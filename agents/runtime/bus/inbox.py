"""Which messages a durable group is done with, and how often it has tried in vain."""

from collections.abc import Sequence

from sqlalchemy import and_, exists, or_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from agents.runtime.journal.database import now
from agents.runtime.journal.rows import insert_or_change
from agents.runtime.journal.schema import inbox, messages, subscriptions

TRYING, HANDLED, DEAD, EXPIRED = "trying", "handled", "dead", "expired"
_STILL = inbox.c.status == TRYING


def handled(group: ColumnElement[str]) -> ColumnElement[bool]:
    """SQL: the group is done with the message, whatever came of it."""
    return exists().where(
        inbox.c.message == messages.c.id, inbox.c.grp == group, inbox.c.status != TRYING
    )


def unfinished() -> ColumnElement[bool]:
    """SQL: some durable group is not done with the message yet, or none has ever asked for it."""
    of_topic = subscriptions.c.topic == messages.c.topic
    return or_(
        exists().where(and_(of_topic, ~handled(subscriptions.c.grp))),
        ~exists().where(of_topic),
    )


async def finish(connection: AsyncConnection, group: str, message: str, status: str) -> bool:
    """Write that the group is done with the message; False if it was already."""
    return bool(await finish_many(connection, [(group, message)], status))


async def finish_many(
    connection: AsyncConnection, pairs: Sequence[tuple[str, str]], status: str
) -> set[tuple[str, str]]:
    """Write that groups are done with messages; returns the pairs that were not done already."""
    done = {"status": status, "at": now()}
    row = insert_or_change(connection, inbox, done, _STILL)
    rows = [{"grp": group, "message": message} for group, message in sorted(set(pairs))]
    written = await connection.execute(
        row.values(deliveries=0, **done).returning(inbox.c.grp, inbox.c.message), rows
    )
    return {(found.grp, found.message) for found in written}


async def count(connection: AsyncConnection, group: str, message: str) -> int:
    """Count a delivery that came to nothing; returns how many there were, 0 if it is done with."""
    more = {"deliveries": inbox.c.deliveries + 1, "at": now()}
    row = insert_or_change(connection, inbox, more, _STILL).values(
        message=message, grp=group, status=TRYING, deliveries=1, at=now()
    )
    return (await connection.execute(row.returning(inbox.c.deliveries))).scalar() or 0
