"""Results that many processes share: near in this process, far in Redis, and computed once for all.

A copy, never a truth: whatever is missing, away or unreadable is computed.
"""

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from cachetools import TLRUCache

from agents.runtime.model.upcasting import Unreadable
from agents.runtime.redis.client import RedisClient, RedisUnavailable
from agents.runtime.telemetry import get_logger

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = get_logger(__name__)

NEAR_BYTES = 32 * 1024 * 1024
LARGEST = 256 * 1024  # bytes of one value; what is larger is computed again
LEASE = 5.0  # seconds for which a process that died while computing holds others up
LOOK_SECONDS = 0.02
JITTER = 0.1  # so that what was computed together does not expire together


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: a name for it, how to compute it, how to check a copy (Unreadable if bad).

    `keep` and `patience` are seconds: how long a copy is good, and how long at most another
    process that computes it is waited for.
    """

    key: str
    compute: Callable[[], Awaitable[str]]
    check: Callable[[str], object]
    keep: float
    patience: float


@dataclass(frozen=True, slots=True)
class _Near:
    text: str
    until: float


# One for the process: a flow run that follows another finds what that one has computed.
_near: MutableMapping[str, _Near] = TLRUCache(
    NEAR_BYTES,
    lambda _, value, __: value.until,
    timer=time.monotonic,
    getsizeof=lambda v: len(v.text),
)


class SharedCache:
    """A process's way to shared results; without a link, or with Redis away, its own ones only."""

    def __init__(self, redis_client: RedisClient | None = None) -> None:
        self._redis_client = redis_client
        self._flights: dict[str, asyncio.Future[str]] = {}

    async def get(self, wanted: Wanted) -> tuple[str, str]:
        """The text, and where it comes from: `near`, `far` or `computed`. Raises what compute raises."""
        while True:
            if (near := _near.get(wanted.key)) is not None:
                return near.text, "near"
            flight = self._flights.get(wanted.key)
            if flight is None or flight.get_loop() is not asyncio.get_running_loop():
                return await self._lead(wanted)
            await asyncio.wait([flight])
            if not flight.cancelled():
                return flight.result(), "near"

    async def close(self) -> None:
        """Give the connections back."""
        if self._redis_client is not None:
            await self._redis_client.close()

    async def _lead(self, wanted: Wanted) -> tuple[str, str]:
        """Fetch or compute for all of this process who ask meanwhile."""
        flight = self._flights[wanted.key] = asyncio.get_running_loop().create_future()
        try:
            text, source = await self._fetch(wanted)
        except Exception as error:
            flight.set_exception(error)
            flight.exception()  # it is raised here; nobody need be waiting for it
            raise
        except BaseException:
            flight.cancel()  # those who wait go on without us
            raise
        else:
            flight.set_result(text)
        finally:
            self._flights.pop(wanted.key, None)
        if len(text) <= LARGEST:
            _near[wanted.key] = _Near(text, time.monotonic() + _jittered(wanted.keep))
        return text, source

    async def _fetch(self, wanted: Wanted) -> tuple[str, str]:
        if self._redis_client is None or not self._redis_client.in_use():
            return await wanted.compute(), "computed"
        holder, until = uuid.uuid4().hex, time.monotonic() + wanted.patience
        pause = LOOK_SECONDS
        while time.monotonic() < until:
            try:
                mine, copy = await self._redis_client.run(partial(self._look, wanted.key, holder))
            except RedisUnavailable:
                break
            if copy is not None and _is_good(wanted, copy):
                if mine:
                    await self._release(wanted, holder, None)
                return copy.decode(), "far"
            if mine:
                return await self._compute(wanted, holder), "computed"
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            pause = min(pause * 2, LOOK_SECONDS * 8)
        return await wanted.compute(), "computed"

    async def _look(self, key: str, holder: str, redis: "Redis") -> tuple[bool, bytes | None]:
        """Whether we are the one to compute it, and the copy if there is one."""
        async with redis.pipeline(transaction=False) as pipe:
            pipe.set(self._name("computing", key), holder, nx=True, px=int(LEASE * 1000))
            pipe.get(self._name("cache", key))
            mine, copy = await pipe.execute()
        return bool(mine), copy

    async def _compute(self, wanted: Wanted, holder: str) -> str:
        text = None
        renewing = asyncio.create_task(self._renew(wanted.key, holder))
        try:
            text = await wanted.compute()
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing
            await self._release(wanted, holder, text)
        return text

    async def _renew(self, key: str, holder: str) -> None:
        name = self._name("computing", key)

        async def renew(redis: "Redis") -> None:
            if await redis.get(name) == holder.encode():
                await redis.pexpire(name, int(LEASE * 1000))

        while self._redis_client is not None:
            await asyncio.sleep(LEASE / 3)
            await self._redis_client.attempt(renew)

    async def _release(self, wanted: Wanted, holder: str, text: str | None) -> None:
        """Store the text, if there is one, and let others at it; only while the lease is still ours."""
        name, copy = self._name("computing", wanted.key), self._name("cache", wanted.key)

        async def release(redis: "Redis") -> None:
            async with redis.pipeline(transaction=True) as pipe:
                await pipe.watch(name)
                if await pipe.get(name) != holder.encode():
                    return
                pipe.multi()  # type: ignore[no-untyped-call]
                if text is not None and len(text) <= LARGEST:
                    pipe.set(copy, text, px=max(int(_jittered(wanted.keep) * 1000), 1))
                pipe.delete(name)
                await pipe.execute()

        if self._redis_client is not None:
            await self._redis_client.attempt(release)

    def _name(self, kind: str, key: str) -> str:
        assert self._redis_client is not None
        return self._redis_client.key(kind, key)


def forget_near() -> None:
    """Empty this process's own copies."""
    _near.clear()


def _is_good(wanted: Wanted, copy: bytes) -> bool:
    try:
        wanted.check(copy.decode())
    except (Unreadable, UnicodeDecodeError) as error:
        log.warning(
            "a cached copy is unreadable, it is computed anew", key=wanted.key, error=str(error)
        )
        return False
    return True


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(1 - JITTER, 1)  # noqa: S311 - no secret
