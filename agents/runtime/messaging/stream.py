"""A group's view of one Redis stream: new entries, entries of crashed processes, delayed entries."""

import asyncio
import heapq
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from agents.runtime.messaging.connection import Connection
from agents.runtime.redis.client import RedisUnavailable
from agents.runtime.redis.signals import add_wake

if TYPE_CHECKING:
    from redis.asyncio import Redis


READ_SECONDS = 1.0  # how long a read waits for new entries
MARGIN = 1.0  # seconds for the answer beyond that
PER_LEASE = 3  # claims are renewed this often within a lease


@dataclass(slots=True)
class Entry:
    """One entry of a stream.

    `redelivered`: another process has read it and not acknowledged it. `failure_counted`: its failed
    delivery is counted already.
    """

    id: bytes
    fields: dict[bytes, bytes] | None
    redelivered: bool = False
    failure_counted: bool = False


@dataclass(order=True, slots=True)
class _Delayed:
    due: float
    entry: Entry = field(compare=False)


class Stream:
    """Reads a stream for a group; renewed claims keep the entries of this process from others."""

    def __init__(self, bus: Connection, topic: str, group: str) -> None:
        self._redis_client, self._group = bus.redis_client, group
        self._name = bus.outbox_relay.stream(topic)
        self._consumer, self._lease = bus.name, bus.lease
        self._held: set[bytes] = set()
        self._delayed: list[_Delayed] = []
        self._next_claim, self._created = 0.0, False

    async def next(self, most: int) -> list[Entry]:
        """Up to `most` entries; none if there are none for a second. Raises RedisUnavailable."""
        if not self._created:
            await self.create()
            self._created = True
        due = self._due(most)
        if not due and time.monotonic() >= self._next_claim:
            due = await self._or_recreate(self._claim_abandoned, most)
            self._next_claim = time.monotonic() + self._lease / PER_LEASE
        if not due:
            due = await self._or_recreate(self._read, most)
        self._held.update(entry.id for entry in due)
        return due

    def delay(self, entry: Entry, seconds: float) -> None:
        """Return the entry again after `seconds`; after a crash another process gets it."""
        heapq.heappush(self._delayed, _Delayed(time.monotonic() + seconds, entry))

    async def acknowledge(self, entry: Entry, wakes: tuple[str, str] | None = None) -> None:
        """Acknowledge the entry, and wake who waits for that: `wakes` is a signal and its word.

        If Redis does not get that, the entry comes again and is skipped.
        """
        self._held.discard(entry.id)

        async def send(redis: "Redis") -> None:
            if wakes is None:
                await redis.xack(self._name, self._group, entry.id)
                return
            async with redis.pipeline(transaction=False) as pipe:
                add_wake(pipe, *wakes)
                pipe.xack(self._name, self._group, entry.id)
                await pipe.execute()

        await self._redis_client.attempt(send)

    async def renew_claims(self) -> None:
        """Renew the claims of the entries that this process holds, until cancelled."""
        while True:
            await asyncio.sleep(self._lease / PER_LEASE)
            if held := list[Any](self._held):
                await self._redis_client.attempt(partial(self._renew, held))

    async def _renew(self, held: list[Any], redis: "Redis") -> None:
        # JUSTID does not count as a delivery.
        await redis.xclaim(self._name, self._group, self._consumer, 0, held, justid=True)

    async def create(self) -> None:
        """Create the group at the stream's beginning, if it does not exist."""
        from redis.exceptions import ResponseError  # noqa: PLC0415 - see RedisClient

        async def make(redis: "Redis") -> None:
            try:
                await redis.xgroup_create(self._name, self._group, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

        await self._redis_client.run(make)

    def _due(self, most: int) -> list[Entry]:
        found = list[Entry]()
        while self._delayed and len(found) < most and self._delayed[0].due <= time.monotonic():
            found.append(heapq.heappop(self._delayed).entry)
        return found

    async def _or_recreate(self, ask: Any, most: int) -> list[Entry]:
        try:
            found: list[Entry] = await ask(most)
        except RedisUnavailable as error:
            if "NOGROUP" not in str(error):
                raise
            # Redis lost its data; a relay publishes unfinished messages again from the journal.
            self._held.clear()
            self._delayed.clear()
            self._created = False
            return []
        return found

    async def _read(self, most: int) -> list[Entry]:
        wait = READ_SECONDS
        if self._delayed:
            wait = min(wait, max(self._delayed[0].due - time.monotonic(), 0.001))

        async def read(redis: "Redis") -> Any:
            return await redis.xreadgroup(
                self._group,
                self._consumer,
                {self._name: ">"},
                count=most,
                block=max(int(wait * 1000), 1),
            )

        found = await self._redis_client.run(read, wait + MARGIN)
        return [Entry(id_, fields) for _, entries in found or [] for id_, fields in entries]

    async def _claim_abandoned(self, most: int) -> list[Entry]:
        """Entries of other processes that did not renew their claims for a lease."""
        idle = int(self._lease * 1000)

        async def claim(redis: "Redis") -> Any:
            return await redis.xautoclaim(self._name, self._group, self._consumer, idle, count=most)

        found = (await self._redis_client.run(claim))[1]
        return [Entry(id_, fields, True) for id_, fields in found if id_ not in self._held]
