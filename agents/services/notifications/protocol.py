"""What agents ask of a messenger."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """A text for one receiver on one channel (email, webhook)."""

    channel: str
    to: str
    subject: str
    text: str


class Notifications(Protocol):
    """A messenger. It cannot be asked what it has sent, so callers send at most once."""

    async def send(self, key: str, message: Message) -> None:
        """Send it. Raises TransientError if it certainly did not go out, else UnknownOutcome."""
        ...
