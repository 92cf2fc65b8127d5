"""What may have killed its process before is tried alone, so that it takes no others along."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

PATIENCE = 1.0  # seconds; then it is not alone: handlers may wait for each other


class Isolation:
    """One process's handlings: many among others, or one alone."""

    def __init__(self) -> None:
        self._busy = 0
        self._nobody, self._open, self._one = asyncio.Event(), asyncio.Event(), asyncio.Lock()
        self._nobody.set()
        self._open.set()

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Handle something of which nothing is suspected."""
        await _soon(self._open)
        self._busy += 1
        self._nobody.clear()
        try:
            yield
        finally:
            self._busy -= 1
            if not self._busy:
                self._nobody.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Handle something that was begun before and never ended."""
        async with self._one:
            self._open.clear()
            try:
                await _soon(self._nobody)
                yield
            finally:
                self._open.set()


async def _soon(event: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await event.wait()
