"""The Redis client: it connects at its first use, and every call has a time limit."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from agents.runtime.errors import TransientError
from agents.runtime.redis.embedded import START_SECONDS, EmbeddedValkey, ValkeyUnavailable
from agents.runtime.settings import Settings
from agents.runtime.telemetry import get_logger

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = get_logger(__name__)
T = TypeVar("T")

CONNECT_SECONDS = 1.0
CALL_SECONDS = 1.0
REST_SECONDS = 1.0  # after a failure, before the next call
WARN_SECONDS = 60.0


class RedisUnavailable(TransientError):
    """Redis did not execute a call: it is down, hangs, is full, or refuses."""


class RedisClient:
    """The Redis of the settings' URL, or else the embedded one of the data folder.

    After a failure calls fail at once for a second, so a server that hangs costs a caller its time
    limit once, not at every call. The package `redis` is imported at the first use, since it takes a
    third of a second that order processing does not need.
    """

    def __init__(self, settings: Settings) -> None:
        url = settings.redis_url
        self._url = url.get_secret_value() if url is not None else None
        self._embedded = EmbeddedValkey(settings.data) if url is None else None
        self._prefix = f"agent-flows:{settings.tenant}"
        self._client: Redis | None = None
        self._connecting = asyncio.Lock()
        self._checked = self._closed = False
        self._rest_until = self._warned_at = -WARN_SECONDS

    def key(self, *parts: str) -> str:
        """A key in Redis, with the prefix of this project and tenant."""
        return ":".join((self._prefix, *parts))

    def in_use(self) -> bool:
        """Whether there is a Redis: named in the settings, or running in the data folder."""
        return self._embedded is None or self._client is not None or self._embedded.is_running()

    async def run(
        self, work: "Callable[[Redis], Awaitable[T]]", seconds: float = CALL_SECONDS
    ) -> T:
        """The result of `work`, within `seconds`.

        Raises RedisUnavailable for any error of Redis, and once the client is closed.
        """
        from redis.exceptions import ConnectionError as Disconnected  # noqa: PLC0415 - see class
        from redis.exceptions import RedisError  # noqa: PLC0415

        self._raise_if_closed()
        if time.monotonic() < self._rest_until:
            raise RedisUnavailable("redis failed less than a second ago")
        try:
            client = await self._ready()
            async with asyncio.timeout(seconds):
                result = await work(client)
            _raise_if_cancelled()
            return result
        except (Disconnected, OSError, TimeoutError, ValkeyUnavailable) as error:
            _raise_if_cancelled()
            self._rest_until, self._checked = time.monotonic() + REST_SECONDS, False
            self.warn(error)
            raise RedisUnavailable(f"redis is unavailable: {error!r}") from error
        except RedisError as error:
            self.warn(error)
            raise RedisUnavailable(f"redis refuses the call: {error}") from error
        finally:
            if self._closed:  # meanwhile: what this call connected is open still
                await self._disconnect()

    async def attempt(
        self, work: "Callable[[Redis], Awaitable[T]]", seconds: float = CALL_SECONDS
    ) -> T | None:
        """As `run`, but returns None if Redis is unavailable."""
        try:
            return await self.run(work, seconds)
        except RedisUnavailable:
            return None

    def warn(self, error: Exception) -> None:
        """Log that Redis is unavailable, at most once a minute."""
        if self._closed:
            return
        if time.monotonic() - self._warned_at >= WARN_SECONDS:
            self._warned_at = time.monotonic()
            log.warning("redis is unavailable, continuing without it", error=repr(error))

    async def close(self) -> None:
        """Close the connections, for good; the last user of an embedded server ends it.

        A call that is on its way closes what it connects, and ends with RedisUnavailable.
        """
        self._closed = True
        await self._disconnect()
        if self._embedded is not None:
            self._embedded.close()

    async def _disconnect(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _ready(self) -> "Redis":
        if self._client is not None and self._checked:
            return self._client
        async with self._connecting:
            if self._client is None or not self._checked:
                self._client = await self._open()
                self._raise_if_closed()
                async with asyncio.timeout(CALL_SECONDS):
                    await self._check_policy(self._client)
                self._checked = True
        return self._client

    def _raise_if_closed(self) -> None:
        if self._closed:
            raise RedisUnavailable("the client is closed")

    async def _open(self) -> "Redis":
        from redis.asyncio import Redis  # noqa: PLC0415
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415

        limits: dict[str, Any] = {
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": None,  # `run` limits each call, without a task for each command
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        }
        path = None
        if self._embedded is not None:
            async with asyncio.timeout(START_SECONDS + 1):
                path = await asyncio.to_thread(self._embedded.ensure)
        if self._client is not None:
            return self._client
        if path is not None:
            return Redis(unix_socket_path=str(path), **limits)
        return Redis.from_url(self._url or "", **limits)

    async def _check_policy(self, client: "Redis") -> None:
        """Warn if the server drops data when it is full."""
        policy = (await client.info("memory")).get("maxmemory_policy", "noeviction")
        if policy != "noeviction":
            log.warning(
                "redis drops messages and signals when it is full: set maxmemory-policy noeviction",
                maxmemory_policy=policy,
            )


def _raise_if_cancelled() -> None:
    """Raise CancelledError if the task is cancelled.

    When a task is cancelled, the client of the package closes its connection, and an error of that
    replaces the CancelledError. Then a consumer would never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
