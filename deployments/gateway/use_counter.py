"""Counts who uses which version of the API, at the cost of a dictionary's entry a request."""

import asyncio
from collections import Counter

from agents.runtime.context import runtime
from agents.runtime.journal.api_use import User, add
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)
FLUSH_SECONDS = 5.0


class UseCounter:
    """Counts requests in memory and adds them to the journal once in some seconds.

    A process that is killed loses the counts of its last seconds: they say who uses a version, not how
    often to the last request.
    """

    def __init__(self) -> None:
        self._counted: Counter[User] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._flush: asyncio.Task[None] | None = None

    def count(self, user: User) -> None:
        """Count one request of this user."""
        self._counted[user] += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._begin)

    def _begin(self) -> None:
        self._flush = asyncio.create_task(self.flush())

    async def flush(self) -> None:
        """Add what was counted to the journal; what cannot be added is kept for the next time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        counted, self._counted = self._counted, Counter()
        try:
            await add(runtime().journal.database, counted)
        except Exception:
            self._counted.update(counted)
            log.exception("the use of API versions could not be stored and is kept")
