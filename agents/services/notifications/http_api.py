"""A messenger behind one HTTP call, as the sandbox has it; and which messenger a block gets."""

from dataclasses import asdict

from agents.services.connections import Connections
from agents.services.http import Call, HttpApi
from agents.services.notifications.protocol import Message, Notifications


class HttpNotifications:
    """The messenger at `api`."""

    def __init__(self, api: HttpApi) -> None:
        self._api = api

    async def send(self, key: str, message: Message) -> None:
        """Send it. Raises TransientError if it certainly did not go out, else UnknownOutcome."""
        await self._api.call(
            Call("send", "POST", "/notifications", json={"key": key, **asdict(message)})
        )


def connect(here: Connections) -> Notifications:
    """The messengers that the settings name, else the sandbox's."""
    if not here.settings.notification_urls:
        return HttpNotifications(here.api("notifications", ""))
    # Its import alone takes half a second, and the sandbox does without.
    from agents.services.notifications.apprise import AppriseNotifications  # noqa: PLC0415

    return here.stack.enter_context(AppriseNotifications(here.settings.notification_urls))
