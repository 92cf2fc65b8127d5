"""Dead messages: messages that could not be handled, kept with their bytes and a reason."""

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

ERROR_LENGTH = 500


class NotDead(AgentError):
    """There is no dead message of this id that could be delivered again."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return f"{self.message!r} is not an open dead message of the journal: list them first"


@dataclass(frozen=True, slots=True)
class DeadLetterReason:
    """Why a message is dead: `reason` is one of a few codes, `error` has the details."""

    reason: str
    error: str
    message: str | None = None
    deliveries: int = 1


async def add_dead_letter(
    database: Database, where: tuple[str, str], body: bytes, reason: DeadLetterReason
) -> None:
    """Write a dead message of a topic and group, once. The caller of a request gets the error."""
    topic, group = where
    identity = f"{topic}|{group}|{reason.message}|".encode() + body
    error = reason.error.replace("\0", "")[:ERROR_LENGTH]
    row = {
        "id": hashlib.sha256(identity).hexdigest()[:32],
        "topic": topic,
        "grp": group,
        "message": reason.message,
        "reason": reason.reason,
        "error": error,
        "deliveries": reason.deliveries,
        "body": body,
        "status": "open",
        "at": now(),
    }
    async with database.write() as connection:
        if reason.message is not None:
            await finish(connection, group, reason.message, DEAD)
            await _fail_request(connection, reason.message, f"{reason.reason}: {error}")
        await connection.execute(insert_new(connection, dead_messages).values(row))
    problem = "a message is dead: correct its cause, then redeliver it"
    log.error(problem, topic=topic, group=group, reason=reason.reason, error=error)


async def _fail_request(connection: AsyncConnection, message: str, error: str) -> None:
    unanswered = (requests.c.message == message) & requests.c.reply.is_(None)
    await connection.execute(
        update(requests).where(unanswered).values(error=error, replied_at=now())
    )


async def open_dead_messages(database: Database, most: int = 100) -> Sequence[Row[Any]]:
    """The open dead messages, the oldest first."""
    query = select(dead_messages).where(dead_messages.c.status == "open")
    async with database.read() as connection:
        rows = await connection.execute(query.order_by(dead_messages.c.at).limit(most))
        return rows.all()


async def redeliver(database: Database, name: str) -> None:
    """Have a dead message delivered again, with all of its deliveries. Raises NotDead."""
    wanted = select(dead_messages.c.message, dead_messages.c.grp).where(
        dead_messages.c.id == name, dead_messages.c.status == "open"
    )
    async with database.write() as connection:
        row = (await connection.execute(wanted)).first()
        unpublished = {"epoch": None, "relay_at": now()}
        again = update(messages).where(messages.c.id == (row.message if row else None))
        if row is None or not (await connection.execute(again.values(**unpublished))).rowcount:
            raise NotDead(name)
        inbox_row = (inbox.c.message == row.message) & (inbox.c.grp == row.grp)
        await connection.execute(delete(inbox).where(inbox_row))
        cleared = {"error": None, "replied_at": None}
        await connection.execute(
            update(requests).where(requests.c.message == row.message).values(**cleared)
        )
        await connection.execute(delete(dead_messages).where(dead_messages.c.id == name))
