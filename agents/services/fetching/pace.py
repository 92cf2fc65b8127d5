"""The number of concurrent requests to a host: more while it answers, half as many when it asks to wait.

It doubles with each round until the host first asks to wait; from then on it grows by one a round.
Sources: Chiu and Jain, Analysis of the Increase and Decrease Algorithms (1989); RFC 5681, slow start.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agents.runtime.clock import clock

FIRST, MOST = 32.0, 64.0


class Pace:
    """The limit of one host: `limit` concurrent requests, and none while the host has asked to wait."""

    def __init__(self) -> None:
        self.limit = FIRST
        self._running = 0
        self._rest_until = 0.0
        self._knows_its_limit = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold one of the places within the block."""
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
            if mine.done() and not mine.cancelled():  # it had got a place and gives it back
                self._running -= 1
                self._let_in()
            raise

    def _let_in(self) -> None:
        """Give free places to those who have waited longest."""
        while self._waiting and self._running < int(self.limit):
            first = self._waiting.popleft()
            if not first.done():
                self._running += 1
                first.set_result(None)

    def went_well(self) -> None:
        """Raise the limit: by one for each answer at first, later by one for each round of answers."""
        more = 1 / self.limit if self._knows_its_limit else 1.0
        self.limit = min(MOST, self.limit + more)

    def too_much(self, seconds: float) -> None:
        """Halve the limit and start no request for `seconds`, as the host asked to wait."""
        self.limit = max(1.0, self.limit / 2)
        self._knows_its_limit = True
        self._rest_until = max(self._rest_until, clock().monotonic() + seconds)
