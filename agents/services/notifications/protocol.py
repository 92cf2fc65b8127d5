"""What agents ask of a messenger."""

from dataclasses import dataclass
from typing import Protocol

EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Message:
    """A text for one receiver on one channel.

    On the channel `email`, `to` is an address. Other channels reach the shop's own chats, whatever it is.
    """

    channel: str
    to: str
    subject: str
    text: str


class Notifications(Protocol):
    """A messenger. It cannot be asked what it has sent, so callers send at most once."""

    async def send(self, key: str, message: Message) -> None:
        """Send it.

        Raises TransientError if it certainly did not go out and may later, UnknownOutcome if it may have
        gone out, and a PermanentError that names why it never will.
        """
        ...
