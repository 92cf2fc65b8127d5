"""A messenger behind one HTTP call, as the sandbox has it."""

from dataclasses import asdict, replace

from agents.runtime.errors import WrongOutcome
from agents.services.http import Call, HttpApi
from agents.services.notifications.mailbox import mailbox
from agents.services.notifications.protocol import EMAIL, Message
from agents.services.statuses import require_status

REFUSED = 422


class HttpNotifications:
    """The messenger at `api`."""

    def __init__(self, api: HttpApi) -> None:
        self._api = api

    async def send(self, key: str, message: Message) -> None:
        """Send it. Raises TransientError if it certainly did not go out, UnknownOutcome.

        BadAddress, Rejected and WrongOutcome are permanent. An answer counts only if it says that this
        receiver's message was accepted.
        """
        if message.channel == EMAIL:
            message = replace(message, to=mailbox(message.to).address)
        body = {"key": key, **asdict(message)}
        answer = await self._api.call(
            Call("send", "POST", "/notifications", json=body, answers=frozenset({REFUSED}))
        )
        if not answer.ok:
            raise answer.rejected(str(answer.body.get("error", "")))
        status, to = answer.parsed(lambda body: (str(body["status"]), body["to"]))
        require_status("the message", status, {"accepted"})
        if to != message.to:
            raise WrongOutcome("the message was accepted for another receiver")
