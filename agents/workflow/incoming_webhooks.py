"""Webhooks that outside systems send: a scenario says which systems it hears, and who checks their events."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

from agents.runtime.errors import AgentError

LARGEST = 1_000_000  # bytes of a payload


class EventRefused(AgentError):
    """Nothing of the payload is believed; the sender learns no reason."""

    def __init__(self, system: str, reason: str) -> None:
        super().__init__(system, reason)
        self.system, self.reason = system, reason

    def __str__(self) -> str:
        return f"event of {self.system} refused: {self.reason}"


class EventTooLarge(AgentError):
    """The payload is larger than any event of the system."""

    def __init__(self, system: str) -> None:
        super().__init__(system)
        self.system = system

    def __str__(self) -> str:
        return f"event of {self.system} refused: more than {LARGEST:,} bytes"


@dataclass(frozen=True, slots=True)
class IncomingWebhook:
    """An outside system that sends events.

    Args:
        system: Its name, the last part of the path that it posts to.
        receive: Keeps an event, once, given the payload and the request's headers by their names in
            lower case. It raises EventRefused unless the signature is the system's, and from now.

    """

    system: str
    receive: Callable[[bytes, Mapping[str, str]], Awaitable[None]]

    async def take(self, body: AsyncIterator[bytes], headers: Mapping[str, str]) -> None:
        """Read the payload and keep its event. Raises EventTooLarge, EventRefused."""
        payload = b""
        async for chunk in body:
            payload += chunk
            if len(payload) > LARGEST:
                raise EventTooLarge(self.system)
        await self.receive(payload, headers)
