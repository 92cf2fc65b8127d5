"""How many requests a host gets at once: more while it copes, half as many when it says stop.

Until it first says so, twice as many after each round; from then on one more.
Sources: Chiu and Jain, Analysis of the Increase and Decrease Algorithms (1989); RFC 5681, slow start.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agents.runtime.clock import clock

FIRST, MOST = 32.0, 64.0


class Pace:
    """One host's allowance; `limit` requests at once, none before `rest_until`."""

    def __init__(self) -> None:
        self.limit = FIRST
        self._running = 0
        self._rest_until = 0.0
        self._knows_its_limit = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a place."""
        await self._place()
        try:
            if (rest := self._rest_until - clock().monotonic()) > 0:
                await asyncio.sleep(rest)
            yield
        finally:
            self._running -= 1
            self._let_in()

    async def _place(self) -> None:
        if self._running < int(self.limit) and not self._waiting:
            self._running += 1
            return
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # it was let in, and will not come
                self._running -= 1
                self._let_in()
            raise

    def _let_in(self) -> None:
        """Those who waited longest, as many as there are places."""
        while self._waiting and self._running < int(self.limit):
            first = self._waiting.popleft()
            if not first.done():
                self._running += 1
                first.set_result(None)

    def went_well(self) -> None:
        """One more for each that went well, and later one more for a round of them."""
        more = 1 / self.limit if self._knows_its_limit else 1.0
        self.limit = min(MOST, self.limit + more)

    def too_much(self, seconds: float) -> None:
        """The host asked for patience: half as many, and none for so long."""
        self.limit = max(1.0, self.limit / 2)
        self._knows_its_limit = True
        self._rest_until = max(self._rest_until, clock().monotonic() + seconds)
