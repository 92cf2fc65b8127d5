"""Rate limits of callers: of each tenant, of each key in it, and of log-ins from an address.

Counts are in Redis where the settings name one, so that all gateways count together. While it is away
each gateway counts by itself. Source: IETF draft-ietf-httpapi-ratelimit-headers-10, 2025.
"""

import asyncio
import ipaddress
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import Request
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from agents.runtime.context import runtime
from agents.runtime.redis.client import RedisClient, RedisUnavailable
from agents.runtime.settings import Settings
from deployments.gateway.access import Principal
from deployments.gateway.problems import Problem

if TYPE_CHECKING:
    from redis.asyncio import Redis

REDIS_SECONDS = 0.25  # a caller waits no longer for a count
REST_SECONDS = 1.0  # after a failure, before the next caller waits


@dataclass(frozen=True, slots=True)
class Use:
    """A request counted within a limit: whether it is admitted, what is left, and until when in seconds."""

    name: str
    rate: RateLimitItem
    admitted: bool
    left: int
    seconds: int

    def headers(self) -> dict[str, str]:
        """The headers that tell the caller about the limit."""
        return {
            "ratelimit-policy": f'"{self.name}";q={self.rate.amount};w={self.rate.get_expiry()}',
            "ratelimit": f'"{self.name}";r={self.left};t={self.seconds}',
        }


class RateLimits:
    """The limits of one gateway."""

    def __init__(self, settings: Settings) -> None:
        self._tenant = parse(settings.gateway_tenant_rate)
        self._key = parse(settings.gateway_key_rate)
        self._login = parse(settings.gateway_login_rate)
        self._shares = settings.redis_url is not None
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._away, self._rest_until = False, 0.0
        self._shared: tuple[Redis, SlidingWindowCounterRateLimiter] | None = None

    async def admit(self, request: Request, principal: Principal) -> None:
        """Count a request of this caller. Raises Problem 429."""
        holder = principal.key or f"token {principal.name}"
        key = await self._use("key", self._key, principal.tenant, holder)
        request.state.answer_headers = key.headers()
        _require(key)
        _require(await self._use("tenant", self._tenant, principal.tenant))

    async def admit_log_in(self, request: Request) -> None:
        """Count an attempt to log in, before its key is looked at. Raises Problem 429."""
        _require(await self._use("log-in", self._login, _network(request)))

    async def _use(self, name: str, rate: RateLimitItem, *holder: str) -> Use:
        client = runtime().cache.redis if self._shares else None
        if client is not None and self._may_ask():
            try:
                async with asyncio.timeout(REDIS_SECONDS):
                    use = await client.run(
                        lambda redis: _count(self._by(client, redis), name, rate, *holder)
                    )
                self._away = False
                return use
            except (RedisUnavailable, TimeoutError) as error:
                self._away, self._rest_until = True, time.monotonic() + REST_SECONDS
                client.warn(error)
        return await _count(self._own, name, rate, *holder)

    def _may_ask(self) -> bool:
        """Whether a caller may wait for Redis; while it is away one caller tries it for all."""
        now = time.monotonic()
        if not self._away:
            return True
        if now < self._rest_until:
            return False
        self._rest_until = now + REST_SECONDS
        return True

    def _by(self, client: RedisClient, redis: "Redis") -> SlidingWindowCounterRateLimiter:
        """The counter in this Redis."""
        if self._shared is None or self._shared[0] is not redis:
            storage = RedisStorage(
                "redis://",
                implementation="redispy",
                key_prefix=client.key("rates"),
                connection_pool=redis.connection_pool,  # type: ignore[arg-type]  # typed for URLs alone
            )
            self._shared = redis, SlidingWindowCounterRateLimiter(storage)
        return self._shared[1]


def rate_limits(request: Request) -> RateLimits:
    """The limits of the application that answers the request."""
    state = request.app.state
    if not hasattr(state, "rate_limits"):
        state.rate_limits = RateLimits(runtime().settings)
    found: RateLimits = state.rate_limits
    return found


async def _count(
    counter: SlidingWindowCounterRateLimiter, name: str, rate: RateLimitItem, *holder: str
) -> Use:
    admitted = await counter.hit(rate, name, *holder)
    stats = await counter.get_window_stats(rate, name, *holder)
    seconds = max(1, math.ceil(stats.reset_time - time.time()))
    return Use(name, rate, admitted, max(0, stats.remaining), seconds)


def _require(use: Use) -> None:
    if use.admitted:
        return
    raise Problem(
        429,
        "too-many-requests",
        f"there are more than {use.rate.amount:,} requests in {use.rate.get_expiry():,} seconds: "
        f"the limit of this {use.name}",
        f"wait {use.seconds} seconds; the header RateLimit says how much is left",
        rule=use.name,
        limit=use.rate.amount,
        headers={"Retry-After": str(use.seconds), **use.headers()},
    )


def _network(request: Request) -> str:
    """The address of the other side; of IPv6 the network, since a host has all addresses of its own."""
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return "unknown"
    bits = 64 if address.version == 6 else 32
    return str(ipaddress.ip_network((address, bits), strict=False))
