"""Inbox rows of handlers that write nothing themselves: one commit for all that end at the same time."""

import asyncio

from agents.runtime.bus.inbox import HANDLED, finish_many
from agents.runtime.faultpoints import point
from agents.runtime.journal.database import Database

AT_ONCE = 256

Pair = tuple[str, str]


class Ledger:
    """Writes (group, message) down; while one commit is under way the next ones gather."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self._waiting: list[tuple[Pair, asyncio.Future[bool]]] = []

    async def finish(self, group: str, message: str) -> bool:
        """Write that the group is done with the message; False if it was already."""
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(((group, message), written))
        while not written.done():
            async with self._turn:
                if not written.done():
                    await self._write()
        return written.result()

    async def _write(self) -> None:
        some, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        try:
            async with self._database.write() as connection:
                new = await finish_many(connection, [pair for pair, _ in some], HANDLED)
                point("bus:handling")
        except BaseException as error:
            for _, written in some:
                if isinstance(error, Exception):
                    written.set_exception(error)
                    written.exception()  # who waits for it raises it
                else:
                    written.cancel()
            raise
        for pair, written in some:
            written.set_result(pair in new)
            new.discard(pair)
