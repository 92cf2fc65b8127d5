"""How processes are asked how they are: over HTTP, or by their leases in the journal."""

import asyncio
import socket

import httpx
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.schema import owners

ANSWER_SECONDS = 5.0


class Health:
    """Asks processes of this machine; the journal is opened at the first question about a lease."""

    def __init__(self, journal: str) -> None:
        self._journal = journal
        self._database: Database | None = None
        self._client = httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS)

    async def answers(self, url: str) -> str:
        """Why a GET of the URL is not answered with 200; empty if it is."""
        try:
            status = (await self._client.get(url)).status_code
        except httpx.HTTPError as error:
            return f"does not answer ({type(error).__name__})"
        return "" if status == httpx.codes.OK else f"answers {status}"

    async def holds_lease(self, pid: int) -> str:
        """Why a process of this host has no lease in the journal; empty if it has one."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return "" if await self._has_lease(pid) else "has no lease in the journal yet"
        except (OSError, SQLAlchemyError, TimeoutError) as error:
            return f"the journal does not answer ({type(error).__name__})"

    async def _has_lease(self, pid: int) -> bool:
        if self._database is None:
            self._database = Database(self._journal)
        wanted = select(owners.c.id).where(
            owners.c.host == socket.gethostname(),
            owners.c.pid == pid,
            owners.c.beat_at + owners.c.lease > now(),
        )
        async with self._database.read() as connection:
            return await connection.scalar(wanted) is not None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        if self._database is not None:
            await self._database.close()
