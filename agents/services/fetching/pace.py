"""How many requests a host gets at once: more while it copes, half as many when it says stop.

Source: Chiu and Jain, Analysis of the Increase and Decrease Algorithms (1989): AIMD.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agents.runtime.clock import clock

FIRST, MOST = 8.0, 64.0


class Pace:
    """One host's allowance; `limit` requests at once, none before `rest_until`."""

    def __init__(self) -> None:
        self.limit = FIRST
        self._running = 0
        self._rest_until = 0.0
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a place."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._running < int(self.limit))
            self._running += 1
        try:
            if (rest := self._rest_until - clock().monotonic()) > 0:
                await asyncio.sleep(rest)
            yield
        finally:
            async with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def went_well(self) -> None:
        """One more a round trip of all that run."""
        self.limit = min(MOST, self.limit + 1 / self.limit)

    def too_much(self, seconds: float) -> None:
        """The host asked for patience: half as many, and none for so long."""
        self.limit = max(1.0, self.limit / 2)
        self._rest_until = max(self._rest_until, clock().monotonic() + seconds)
