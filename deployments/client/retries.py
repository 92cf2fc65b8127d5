"""When the client sends a request again: the same request with the same Idempotency-Key."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from random import SystemRandom

import httpx

from deployments.client.errors import GatewayError

_RANDOM = SystemRandom()
_PASSING = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how long a request is tried; the pauses double, with chance in them.

    Args:
        attempts: How often a request is sent at most.
        first_pause: Seconds before the second attempt, on average.
        longest_pause: Seconds that a pause has at most, also where the gateway asks for more.

    """

    attempts: int = 6
    first_pause: float = 0.2
    longest_pause: float = 30.0

    async def each(self) -> AsyncIterator["Attempt"]:
        """The attempts; stop when one succeeds. A failed one is followed by a pause."""
        for number in range(1, self.attempts + 1):
            attempt = Attempt(is_last=number == self.attempts)
            yield attempt
            if attempt.error is not None:
                await asyncio.sleep(self._pause(number, attempt.error))

    async def rest(self) -> None:
        """The pause before a request that did not fail is sent again."""
        await asyncio.sleep(self.first_pause)

    def _pause(self, number: int, error: Exception) -> float:
        wanted = error.retry_after if isinstance(error, GatewayError) else None
        pause: float = self.first_pause * 2 ** (number - 1) * _RANDOM.uniform(0.5, 1.5)
        return min(self.longest_pause, max(pause, wanted or 0.0))


@dataclass(slots=True)
class Attempt:
    """One attempt; `error` is what it failed with."""

    is_last: bool
    error: Exception | None = None

    def failed(self, error: httpx.TransportError | GatewayError) -> None:
        """Note the error, after which the request is sent again. Raises it if nothing more helps."""
        if self.is_last or not _may_pass(error):
            raise error
        self.error = error


def _may_pass(error: httpx.TransportError | GatewayError) -> bool:
    """Whether the same request may succeed later."""
    if not isinstance(error, GatewayError):
        return not isinstance(error, httpx.UnsupportedProtocol)
    return error.status in _PASSING or (error.status == 409 and error.retry_after is not None)
