"""Random secrets that all gateways of a journal share, each under a name; the first use makes one."""

import secrets

from sqlalchemy import select

from agents.runtime.journal.database import Database
from agents.runtime.journal.gateway_schema import gateway_secrets
from agents.runtime.journal.statements import insert_new

BYTES = 32


async def shared_secret(database: Database, name: str) -> bytes:
    """The secret with this name, the same for each process."""
    known = select(gateway_secrets.c.secret).where(gateway_secrets.c.name == name)
    async with database.read() as connection:
        found = await connection.scalar(known)
    if found is None:
        async with database.write() as connection:
            new = insert_new(connection, gateway_secrets)
            await connection.execute(new.values(name=name, secret=secrets.token_hex(BYTES)))
            found = await connection.scalar(known)
    assert found is not None
    return bytes.fromhex(found)
