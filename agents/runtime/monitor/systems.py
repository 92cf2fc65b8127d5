"""Whether the systems that the settings name answer, as a metric."""

from agents.runtime.metrics import SYSTEM_UP
from agents.runtime.redis.client import RedisClient
from agents.runtime.settings import Settings

ANSWER_SECONDS = 3.0


class Systems:
    """Prefect's API and Redis; the embedded Valkey is this project's own and not asked."""

    def __init__(self, settings: Settings) -> None:
        # Here, so that its seconds are not those of the first look, which would be followed by a long pause.
        from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - loads Prefect, for metrics alone

        self._api_url = PREFECT_API_URL
        self._redis = None if settings.redis_url is None else RedisClient(settings)

    async def show(self, until: float) -> None:
        """Export whether each answers until this time of the monotonic clock."""
        found: dict[tuple[str, ...], float] = {}
        if url := self._api_url.value():
            found[("prefect",)] = await _answers(f"{url.rstrip('/')}/health")
        if self._redis is not None:
            found[("redis",)] = await self._redis.attempt(lambda redis: redis.ping()) is not None
        SYSTEM_UP.show(found, until)

    async def close(self) -> None:
        """Close the connection to Redis."""
        if self._redis is not None:
            await self._redis.close()


async def _answers(url: str) -> bool:
    import httpx  # noqa: PLC0415 - the same

    try:
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as client:
            return (await client.get(url)).is_success
    except httpx.HTTPError:
        return False
