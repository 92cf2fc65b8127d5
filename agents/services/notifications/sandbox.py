"""Messages into the sandbox's record."""

from dataclasses import asdict

from agents.services.http import Call, HttpApi
from agents.services.notifications.protocol import Message


class SandboxNotifications:
    """The sandbox's messenger at `api`."""

    def __init__(self, api: HttpApi) -> None:
        self._api = api

    async def send(self, key: str, message: Message) -> None:
        """Send it. Raises TransientError if it certainly did not go out, else UnknownOutcome."""
        await self._api.call(
            Call("send", "POST", "/notifications", json={"key": key, **asdict(message)})
        )
