"""Sessions of the console: a random id in a browser's cookie stands for the API key it logged in with.

The journal has the id's hash only. A session ends with its time, its log-out or its key.
"""

import secrets
from typing import Any

from sqlalchemy import Row, delete, insert, select

from agents.runtime.journal import audit
from agents.runtime.journal.api_keys import SECRET_BYTES, digest, in_use
from agents.runtime.journal.audit import AuditEntry
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.gateway_schema import api_keys, console_sessions

SECONDS = 12 * 3_600.0
WHERE = "console"  # the object of these acts in the audit log


async def begin(database: Database, key: Row[Any]) -> str:
    """The id of a new session of the key; sessions that have expired are deleted."""
    session = secrets.token_urlsafe(SECRET_BYTES)
    columns = console_sessions.c
    async with database.write() as connection:
        await connection.execute(delete(console_sessions).where(columns.expires_at <= now()))
        values = {"hash": digest(session), "key": key.id, "expires_at": now() + SECONDS}
        await connection.execute(insert(console_sessions).values(values))
        entry = AuditEntry(key.tenant, key.name, "log-in", WHERE, "", after={"key": key.id})
        await audit.write(connection, entry)
    return session


async def key_of(database: Database, session: str) -> Row[Any] | None:
    """The row of the session's API key; None if the session or its key has ended."""
    query = (
        select(api_keys)
        .join(console_sessions, console_sessions.c.key == api_keys.c.id)
        .where(console_sessions.c.hash == digest(session))
        .where(console_sessions.c.expires_at > now(), in_use())
    )
    async with database.read() as connection:
        return (await connection.execute(query)).first()


async def end(database: Database, session: str) -> None:
    """End the session, if it has not ended."""
    key = await key_of(database, session)
    async with database.write() as connection:
        these = console_sessions.c.hash == digest(session)
        ended = await connection.execute(delete(console_sessions).where(these))
        if ended.rowcount and key is not None:
            entry = AuditEntry(key.tenant, key.name, "log-out", WHERE, "", {"key": key.id})
            await audit.write(connection, entry)
