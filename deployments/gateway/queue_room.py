"""Room in queues: how many items each takes before callers must come back later."""

import asyncio
import math
from dataclasses import dataclass, field

from agents.runtime.clock import clock
from agents.runtime.journal.database import Database
from agents.runtime.journal.queue import count_waiting, served_per_second
from agents.runtime.settings import settings
from deployments.gateway.problems import Problem

COUNTED_SECONDS = 1.0  # how long a count holds; what is accepted meanwhile is taken off
SHARE = 0.1  # of the queue that is to be free when a caller comes back
LONGEST_WAIT = 60  # seconds


@dataclass(slots=True)
class _Room:
    limit: int
    free: int = 0
    until: float = -math.inf
    wait: int = 1
    counting: asyncio.Lock = field(default_factory=asyncio.Lock)


class QueueRoom:
    """The room that is left in each queue, counted in the journal once a second."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rooms: dict[str, _Room] = {}

    async def require(self, scenario: str, wanted: int) -> None:
        """Take room for the items; with 0 only look for it. Raises Problem 429 if there is none."""
        room = await self._counted(scenario)
        if room.free <= 0:
            raise _full(scenario, room)
        room.free -= wanted

    async def take(self, scenario: str, wanted: int) -> int:
        """Take room for at most `wanted` items; returns for how many there was any."""
        room = await self._counted(scenario)
        taken = max(0, min(wanted, room.free))
        room.free -= taken
        return taken

    def full(self, scenario: str) -> Problem:
        """The answer to an item for which there is no room."""
        return _full(scenario, self._rooms[scenario])

    async def _counted(self, scenario: str) -> _Room:
        room = self._rooms.get(scenario)
        if room is None:
            room = self._rooms[scenario] = _Room(settings().queue_limit_of(scenario))
        if clock().monotonic() > room.until:
            async with room.counting:
                if clock().monotonic() > room.until:
                    await self._count(scenario, room)
        return room

    async def _count(self, scenario: str, room: _Room) -> None:
        room.free = room.limit - await count_waiting(self._database, scenario, room.limit)
        if room.free <= 0:
            served = await served_per_second(self._database, scenario)
            wait = math.ceil(SHARE * room.limit / served) if served else LONGEST_WAIT
            room.wait = min(max(wait, 1), LONGEST_WAIT)
        room.until = clock().monotonic() + COUNTED_SECONDS


def _full(scenario: str, room: _Room) -> Problem:
    return Problem(
        429,
        "queue-full",
        f"the queue of {scenario} holds {room.limit:,} items, which is its limit",
        f"send it again in {room.wait} seconds; what was accepted is recognised",
        rule="queue-limit",
        limit=room.limit,
        headers={"Retry-After": str(room.wait)},
        more={"retry_after": room.wait},
    )
