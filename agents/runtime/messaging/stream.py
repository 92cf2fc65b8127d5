"""A group's place in one Redis stream: new entries, those of the dead, those kept for later."""

import asyncio
import heapq
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from agents.runtime.messaging.connection import Connection
from agents.runtime.redis.client import RedisUnavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis


BLOCK_SECONDS = 1.0
MARGIN = 1.0
PER_LEASE = 3


@dataclass(slots=True)
class Entry:
    """One entry of a stream.

    `again`: somebody took it before and did not end it. `counted`: its failure is written already.
    """

    id: bytes
    fields: dict[bytes, bytes] | None
    again: bool = False
    counted: bool = False


@dataclass(order=True, slots=True)
class _Kept:
    due: float
    entry: Entry = field(compare=False)


class Stream:
    """What this process reads of the stream; what it holds is kept from others by being claimed anew."""

    def __init__(self, bus: Connection, topic: str, group: str) -> None:
        self._redis_client, self._group = bus.redis_client, group
        self._name = bus.outbox_relay.stream(topic)
        self._me, self._lease = bus.name, bus.lease
        self._held: set[bytes] = set()
        self._kept: list[_Kept] = []
        self._claim_at, self._made = 0.0, False

    async def next(self, most: int) -> list[Entry]:
        """Up to so many entries; none after a second. Raises Away."""
        if not self._made:
            await self.create()
            self._made = True
        due = self._due(most)
        if not due and time.monotonic() >= self._claim_at:
            due = await self._guarded(self._claim, most)
            self._claim_at = time.monotonic() + self._lease / PER_LEASE
        if not due:
            due = await self._guarded(self._read, most)
        self._held.update(entry.id for entry in due)
        return due

    def keep(self, entry: Entry, seconds: float) -> None:
        """Have it again after so many seconds; it stays pending, so others have it if we die."""
        heapq.heappush(self._kept, _Kept(time.monotonic() + seconds, entry))

    async def acknowledge(self, entry: Entry) -> None:
        """Let go of it; should that not reach Redis, it comes again and is known as done."""
        self._held.discard(entry.id)
        await self._redis_client.attempt(
            lambda redis: redis.xack(self._name, self._group, entry.id)
        )

    async def hold(self) -> None:
        """Until cancelled, keep what is in our hands from being taken for forgotten."""
        while True:
            await asyncio.sleep(self._lease / PER_LEASE)
            if held := list[Any](self._held):
                await self._redis_client.attempt(partial(self._claim_again, held))

    async def _claim_again(self, held: list[Any], redis: "Redis") -> None:
        # JUSTID: it counts as no delivery.
        await redis.xclaim(self._name, self._group, self._me, 0, held, justid=True)

    async def create(self) -> None:
        """Make the group, from the stream's beginning; nothing if it is there."""
        from redis.exceptions import ResponseError  # noqa: PLC0415 - see Link

        async def make(redis: "Redis") -> None:
            try:
                await redis.xgroup_create(self._name, self._group, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

        await self._redis_client.run(make)

    def _due(self, most: int) -> list[Entry]:
        found = list[Entry]()
        while self._kept and len(found) < most and self._kept[0].due <= time.monotonic():
            found.append(heapq.heappop(self._kept).entry)
        return found

    async def _guarded(self, ask: Any, most: int) -> list[Entry]:
        try:
            found: list[Entry] = await ask(most)
        except RedisUnavailable as error:
            if "NOGROUP" not in str(error):
                raise
            # Redis is new or was emptied: what was in it is published again from the journal.
            self._held.clear()
            self._kept.clear()
            self._made = False
            return []
        return found

    async def _read(self, most: int) -> list[Entry]:
        wait = BLOCK_SECONDS
        if self._kept:
            wait = min(wait, max(self._kept[0].due - time.monotonic(), 0.001))

        async def read(redis: "Redis") -> Any:
            return await redis.xreadgroup(
                self._group, self._me, {self._name: ">"}, count=most, block=max(int(wait * 1000), 1)
            )

        found = await self._redis_client.run(read, wait + MARGIN)
        return [Entry(id_, fields) for _, entries in found or [] for id_, fields in entries]

    async def _claim(self, most: int) -> list[Entry]:
        """Entries that somebody took and has not held on to."""
        idle = int(self._lease * 1000)

        async def claim(redis: "Redis") -> Any:
            return await redis.xautoclaim(self._name, self._group, self._me, idle, count=most)

        found = (await self._redis_client.run(claim))[1]
        return [Entry(id_, fields, True) for id_, fields in found if id_ not in self._held]
