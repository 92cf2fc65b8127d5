"""The shared cache: results have copies in this process and in Redis, and one process computes them.

A copy is never needed: a result that is missing, unreadable or out of reach is computed.
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

LOCAL_BYTES = 32 * 1024 * 1024
LARGEST = 256 * 1024  # bytes of one value; larger ones have no copies
LEASE_SECONDS = 5.0  # how long a process that crashes while it computes delays others
POLL_SECONDS = 0.02
JITTER = 0.1  # part by which the time of a copy varies, so that copies do not expire together


@dataclass(frozen=True, slots=True)
class Wanted:
    """A wanted result: its key, how to compute it, and a check of a copy that may raise Unreadable.

    A copy is valid for `keep_seconds`. A caller waits at most `wait_seconds` for another process that
    computes it.
    """

    key: str
    compute: Callable[[], Awaitable[str]]
    check: Callable[[str], object]
    keep_seconds: float
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class _LocalCopy:
    text: str
    until: float


# Of the whole process, so that the next flow run finds what the one before has computed.
LOCAL_COPIES: MutableMapping[str, _LocalCopy] = TLRUCache(
    LOCAL_BYTES,
    lambda _, value, __: value.until,
    timer=time.monotonic,
    getsizeof=lambda v: len(v.text),
)


class SharedCache:
    """Shared results for one process; without Redis only its own copies."""

    def __init__(self, redis_client: RedisClient | None = None) -> None:
        self.redis = redis_client
        self._pending: dict[str, asyncio.Future[str]] = {}

    async def get(self, wanted: Wanted) -> tuple[str, str]:
        """The text and its source: `near` (this process), `far` (Redis) or `computed`.

        Raises what `compute` raises.
        """
        while True:
            if (copy := LOCAL_COPIES.get(wanted.key)) is not None:
                return copy.text, "near"
            pending = self._pending.get(wanted.key)
            if pending is None or pending.get_loop() is not asyncio.get_running_loop():
                return await self._fetch_for_all(wanted)
            await asyncio.wait([pending])
            if not pending.cancelled():
                return pending.result(), "near"

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self.redis is not None:
            await self.redis.close()

    async def _fetch_for_all(self, wanted: Wanted) -> tuple[str, str]:
        """Fetch or compute for all callers of this process that ask in the meantime."""
        pending = self._pending[wanted.key] = asyncio.get_running_loop().create_future()
        try:
            text, source = await self._fetch(wanted)
        except Exception as error:
            pending.set_exception(error)
            pending.exception()  # retrieved here: there may be no other caller
            raise
        except BaseException:
            pending.cancel()  # callers that wait try themselves
            raise
        else:
            pending.set_result(text)
        finally:
            self._pending.pop(wanted.key, None)
        if len(text) <= LARGEST:
            LOCAL_COPIES[wanted.key] = _LocalCopy(
                text, time.monotonic() + _jittered(wanted.keep_seconds)
            )
        return text, source

    async def _fetch(self, wanted: Wanted) -> tuple[str, str]:
        if self.redis is None or not self.redis.in_use():
            return await wanted.compute(), "computed"
        holder, until = uuid.uuid4().hex, time.monotonic() + wanted.wait_seconds
        pause = POLL_SECONDS
        while time.monotonic() < until:
            try:
                leased, copy = await self.redis.run(
                    partial(self._copy_or_lease, wanted.key, holder)
                )
            except RedisUnavailable:
                break
            if copy is not None and _is_good(wanted, copy):
                if leased:
                    await self._release(wanted, holder, None)
                return copy.decode(), "far"
            if leased:
                return await self._compute(wanted, holder), "computed"
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            pause = min(pause * 2, POLL_SECONDS * 8)
        return await wanted.compute(), "computed"

    async def _copy_or_lease(
        self, key: str, holder: str, redis: "Redis"
    ) -> tuple[bool, bytes | None]:
        """Whether this process got the lease to compute the result, and the copy if there is one."""
        async with redis.pipeline(transaction=False) as pipe:
            pipe.set(self._name("computing", key), holder, nx=True, px=int(LEASE_SECONDS * 1000))
            pipe.get(self._name("cache", key))
            leased, copy = await pipe.execute()
        return bool(leased), copy

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
                await redis.pexpire(name, int(LEASE_SECONDS * 1000))

        while self.redis is not None:
            await asyncio.sleep(LEASE_SECONDS / 3)
            await self.redis.attempt(renew)

    async def _release(self, wanted: Wanted, holder: str, text: str | None) -> None:
        """Store the text, if there is one, and release the lease, if this process still has it."""
        name, copy = self._name("computing", wanted.key), self._name("cache", wanted.key)

        async def release(redis: "Redis") -> None:
            async with redis.pipeline(transaction=True) as pipe:
                await pipe.watch(name)
                if await pipe.get(name) != holder.encode():
                    return
                pipe.multi()  # type: ignore[no-untyped-call]
                if text is not None and len(text) <= LARGEST:
                    pipe.set(copy, text, px=max(int(_jittered(wanted.keep_seconds) * 1000), 1))
                pipe.delete(name)
                await pipe.execute()

        if self.redis is not None:
            await self.redis.attempt(release)

    def _name(self, kind: str, key: str) -> str:
        assert self.redis is not None
        return self.redis.key(kind, key)


def _is_good(wanted: Wanted, copy: bytes) -> bool:
    try:
        wanted.check(copy.decode())
    except (Unreadable, UnicodeDecodeError) as error:
        log.warning("a cached copy is unreadable, computing it", key=wanted.key, error=str(error))
        return False
    return True


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(1 - JITTER, 1)  # noqa: S311 - no secret
