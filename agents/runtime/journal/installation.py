"""The installation: a random id of the journal, which is part of every key and reference that we give.

Two installations that share an account at a provider thus never answer for each other, whatever their
items are called. A copy of the journal is the same installation, so it repeats no effect.
"""

import secrets

from sqlalchemy import select

from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import installation
from agents.runtime.journal.statements import insert_many, insert_new

BYTES = 8  # of randomness, written as 16 hexadecimal digits


def new_id() -> str:
    """A random id."""
    return secrets.token_hex(BYTES)


async def installation_id(database: Database) -> str:
    """The id of this journal; the first process that asks makes it, once and for all."""
    known = select(installation.c.id)
    async with database.read() as connection:
        found: str | None = await connection.scalar(known)
    if found is not None:
        return found
    async with database.write() as connection:
        row = {"only": 1, "id": new_id()}
        await insert_many(connection, insert_new(connection, installation), [row])
        return str(await connection.scalar(known))
