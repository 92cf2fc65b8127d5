"""The inbox: which messages a durable group is done with, and how often their delivery failed."""

import asyncio
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, exists, or_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.quick import fetch
from agents.runtime.journal.schema import inbox, messages, subscriptions
from agents.runtime.journal.statements import insert_or_change, is_sqlite, upsert
from agents.runtime.testing import failpoint

TRYING, HANDLED, DEAD, EXPIRED = "trying", "handled", "dead", "expired"
_NOT_DONE = inbox.c.status == TRYING


def handled(group: ColumnElement[str]) -> ColumnElement[bool]:
    """SQL: the group is done with the message: handled, dead or expired."""
    return exists().where(
        inbox.c.message == messages.c.id, inbox.c.grp == group, inbox.c.status != TRYING
    )


def unfinished() -> ColumnElement[bool]:
    """SQL: a durable group is not done with the message, or its topic has no group yet."""
    of_topic = subscriptions.c.topic == messages.c.topic
    return or_(
        exists().where(and_(of_topic, ~handled(subscriptions.c.grp))),
        ~exists().where(of_topic),
    )


async def finish(connection: AsyncConnection, group: str, message: str, status: str) -> bool:
    """Write that the group is done with the message; False if it was done before."""
    return bool(await finish_many(connection, [(group, message)], status))


async def finish_many(
    connection: AsyncConnection, pairs: Sequence[tuple[str, str]], status: str
) -> set[tuple[str, str]]:
    """Write that groups are done with messages; returns the pairs that were not done before."""
    rows = [
        {"grp": group, "message": message, "status": status}
        for group, message in sorted(set(pairs))
    ]
    done = done_with(by_sqlite=is_sqlite(connection))
    written = await (
        fetch(connection, done, rows[0]) if len(rows) == 1 else connection.execute(done, rows)
    )
    return {(found.grp, found.message) for found in written}


@cache
def done_with(*, by_sqlite: bool) -> Any:
    """SQL: the group `grp` is done with the `message`; a row comes back if it was not before."""
    given: dict[str, Any] = {name: bindparam(name) for name in ("grp", "message", "status")}
    row = upsert(inbox, by_sqlite=by_sqlite).values(**given, deliveries=0, at=now())
    return row.on_conflict_do_update(
        index_elements=list(inbox.primary_key),
        set_={"status": row.excluded.status, "at": now()},
        where=_NOT_DONE,
    ).returning(inbox.c.grp, inbox.c.message)


async def count_failed_delivery(connection: AsyncConnection, group: str, message: str) -> int:
    """Count a failed delivery; returns how many there are, or 0 if the group is done with it."""
    more = {"deliveries": inbox.c.deliveries + 1, "at": now()}
    row = insert_or_change(connection, inbox, more, _NOT_DONE).values(
        message=message, grp=group, status=TRYING, deliveries=1, at=now()
    )
    return (await connection.execute(row.returning(inbox.c.deliveries))).scalar() or 0


AT_ONCE = 256

Pair = tuple[str, str]


class InboxWriter:
    """Writes that messages are handled; pairs that arrive during a commit share the next one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self._waiting: list[tuple[Pair, asyncio.Future[bool]]] = []

    async def finish(self, group: str, message: str) -> bool:
        """Write that the group has handled the message; False if it was done before."""
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(((group, message), written))
        while not written.done():
            async with self._turn:
                if not written.done():
                    await self._write()
        return written.result()

    async def _write(self) -> None:
        batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        try:
            alone = len(batch) == 1
            async with self._database.write(len(batch), single=alone) as connection:
                new = await finish_many(connection, [pair for pair, _ in batch], HANDLED)
                failpoint("bus:handling")
        except BaseException as error:
            for _, written in batch:
                if isinstance(error, Exception):
                    written.set_exception(error)
                    written.exception()  # retrieved here: nobody may be waiting any more
                else:
                    written.cancel()
            raise
        for pair, written in batch:
            written.set_result(pair in new)
            new.discard(pair)
