"""The line to Redis: opened when first used, every call bounded, and away is an ordinary answer."""

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
READ_SECONDS = 60.0  # the longest a blocking command may wait; each call's own limit is shorter
REST_SECONDS = 1.0
WARN_SECONDS = 60.0


class RedisUnavailable(TransientError):
    """Redis did not do what it was asked for: down, hung, full, or it does not let us."""


class RedisClient:
    """Redis by its URL, or the embedded one of the data folder.

    After a failure it is left alone for a second: what is hung costs each caller its time limit
    once, not at every call.
    """

    def __init__(self, settings: Settings) -> None:
        url = settings.redis_url
        self._url = url.get_secret_value() if url is not None else None
        self._embedded = EmbeddedValkey(settings.data) if url is None else None
        self._prefix = f"agent-flows:{settings.tenant}"
        self._client: Redis | None = None
        self._connecting = asyncio.Lock()
        self._trusted = False
        self._rest_until = self._warned_at = -WARN_SECONDS

    def key(self, *parts: str) -> str:
        """A name in Redis: of this project and tenant."""
        return ":".join((self._prefix, *parts))

    def in_use(self) -> bool:
        """Whether there is a Redis already: named in the settings, or started by somebody."""
        return self._embedded is None or self._client is not None or self._embedded.is_running()

    async def run(
        self, work: "Callable[[Redis], Awaitable[T]]", seconds: float = CALL_SECONDS
    ) -> T:
        """The result of `work`, within so many seconds. Raises Away for whatever is wrong with Redis."""
        from redis.exceptions import ConnectionError as Disconnected  # noqa: PLC0415 - see _open
        from redis.exceptions import RedisError  # noqa: PLC0415

        if time.monotonic() < self._rest_until:
            raise RedisUnavailable("redis was away a moment ago")
        try:
            client = await self._ready()
            async with asyncio.timeout(seconds):
                result = await work(client)
            _heed_cancellation()
            return result
        except (Disconnected, OSError, TimeoutError, ValkeyUnavailable) as error:
            _heed_cancellation()
            self._rest_until, self._trusted = time.monotonic() + REST_SECONDS, False
            self.warn(error)
            raise RedisUnavailable(f"redis is away: {error!r}") from error
        except RedisError as error:
            self.warn(error)
            raise RedisUnavailable(f"redis refuses: {error}") from error

    async def attempt(
        self, work: "Callable[[Redis], Awaitable[T]]", seconds: float = CALL_SECONDS
    ) -> T | None:
        """As `run`, for what can be done without: None if Redis is away."""
        try:
            return await self.run(work, seconds)
        except RedisUnavailable:
            return None

    def warn(self, error: Exception) -> None:
        """Say that Redis is away, once a minute."""
        if time.monotonic() - self._warned_at >= WARN_SECONDS:
            self._warned_at = time.monotonic()
            log.warning("going on without redis", error=repr(error))

    async def close(self) -> None:
        """Give the connections back; the last user of an embedded server ends it."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
        if self._embedded is not None:
            self._embedded.leave()

    async def _ready(self) -> "Redis":
        if self._client is not None and self._trusted:
            return self._client
        async with self._connecting:
            if self._client is None or not self._trusted:
                self._client = await self._open()
                async with asyncio.timeout(CALL_SECONDS):
                    await self._look(self._client)
                self._trusted = True
        return self._client

    async def _open(self) -> "Redis":
        # Imported by who uses it: a third of a second that order processing need not pay.
        from redis.asyncio import Redis  # noqa: PLC0415
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415

        limits: dict[str, Any] = {
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": READ_SECONDS,
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

    async def _look(self, client: "Redis") -> None:
        """Warn of a server that may forget what it was given when it is full."""
        policy = (await client.info("memory")).get("maxmemory_policy", "noeviction")
        if policy != "noeviction":
            log.warning(
                "redis may drop messages and signals when it is full: set maxmemory-policy noeviction",
                maxmemory_policy=policy,
            )


def _heed_cancellation() -> None:
    """Be cancelled, though the client has answered that by an error of its own, or by none.

    It closes its connection when it is cancelled, and what goes wrong there takes the place of it:
    a consumer would never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
