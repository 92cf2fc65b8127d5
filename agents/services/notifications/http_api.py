"""A messenger behind one HTTP call, as the sandbox has it."""

from dataclasses import asdict, replace

from agents.services.http import Call, HttpApi
from agents.services.notifications.mailbox import mailbox
from agents.services.notifications.protocol import EMAIL, Message

REFUSED = 422


class HttpNotifications:
    """The messenger at `api`."""

    def __init__(self, api: HttpApi) -> None:
        self._api = api

    async def send(self, key: str, message: Message) -> None:
        """Send it. Raises TransientError if it certainly did not go out, UnknownOutcome.

        BadAddress and Rejected are permanent.
        """
        if message.channel == EMAIL:
            message = replace(message, to=mailbox(message.to).address)
        body = {"key": key, **asdict(message)}
        answer = await self._api.call(
            Call("send", "POST", "/notifications", json=body, answers=frozenset({REFUSED}))
        )
        if not answer.ok:
            raise answer.rejected(str(answer.body.get("error", "")))
