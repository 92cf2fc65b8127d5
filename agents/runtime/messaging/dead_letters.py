"""Messages that could not be handled: kept with their bytes and a reason, listed, let go again."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.errors import AgentError
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.schema import dead_messages, inbox, messages, requests
from agents.runtime.journal.statements import insert_new
from agents.runtime.messaging.inbox import DEAD, finish
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

LONGEST_ERROR = 500


class NotDead(AgentError):
    """There is no such dead message that could be handled again."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return f"{self.message!r} is no dead message that the journal holds: list them first"


@dataclass(frozen=True, slots=True)
class DeadLetterReason:
    """What was the end of a message; `reason` is one of a few codes, `error` tells more."""

    reason: str
    error: str
    message: str | None = None
    deliveries: int = 1


async def add_dead_letter(
    database: Database, where: tuple[str, str], body: bytes, death: DeadLetterReason
) -> None:
    """Write a dead message of a topic and group down, once; if it is a request, its caller is told."""
    topic, group = where
    about = f"{topic}|{group}|{death.message}|".encode() + body
    error = death.error.replace("\0", "")[:LONGEST_ERROR]
    row = {
        "id": hashlib.sha256(about).hexdigest()[:32],
        "topic": topic,
        "grp": group,
        "message": death.message,
        "reason": death.reason,
        "error": error,
        "deliveries": death.deliveries,
        "body": body,
        "status": "open",
        "at": now(),
    }
    async with database.write() as connection:
        if death.message is not None:
            await finish(connection, group, death.message, DEAD)
            await _tell_caller(connection, death.message, f"{death.reason}: {error}")
        await connection.execute(insert_new(connection, dead_messages).values(row))
    log.error("a message is dead", topic=topic, group=group, reason=death.reason, error=error)


async def _tell_caller(connection: AsyncConnection, message: str, error: str) -> None:
    unanswered = (requests.c.message == message) & requests.c.reply.is_(None)
    await connection.execute(
        update(requests).where(unanswered).values(error=error, replied_at=now())
    )


async def dead(database: Database, most: int = 100) -> Sequence[Row[Any]]:
    """The open dead messages, the oldest first."""
    query = select(dead_messages).where(dead_messages.c.status == "open")
    async with database.read() as connection:
        rows = await connection.execute(query.order_by(dead_messages.c.at).limit(most))
        return rows.all()


async def redeliver(database: Database, name: str) -> None:
    """Let a dead message be delivered again with a fresh count. Raises NotDead."""
    wanted = select(dead_messages.c.message, dead_messages.c.grp).where(
        dead_messages.c.id == name, dead_messages.c.status == "open"
    )
    async with database.write() as connection:
        row = (await connection.execute(wanted)).first()
        fresh = {"epoch": None, "relay_at": now()}
        again = update(messages).where(messages.c.id == (row.message if row else None))
        if row is None or not (await connection.execute(again.values(**fresh))).rowcount:
            raise NotDead(name)
        mine = (inbox.c.message == row.message) & (inbox.c.grp == row.grp)
        await connection.execute(delete(inbox).where(mine))
        anew = {"error": None, "replied_at": None}
        await connection.execute(
            update(requests).where(requests.c.message == row.message).values(**anew)
        )
        await connection.execute(delete(dead_messages).where(dead_messages.c.id == name))
