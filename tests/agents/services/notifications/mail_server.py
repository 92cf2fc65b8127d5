"""A real SMTP server on the loopback interface: it records each envelope and message, or refuses them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope
from pydantic import AnyUrl

from agents.runtime.settings import MailSettings

SENDER = "shop@example.com"


@dataclass
class Mailbox:
    """What the server has received; `replies` are its answers by command, 250 by default.

    A reply of None closes the connection, and "silence" never comes.
    """

    replies: dict[str, str | None] = field(default_factory=dict)
    letters: list[Envelope] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    connections: int = 0

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, _s: Any, envelope: Envelope, sender: str, o: Any
    ) -> str:
        envelope.mail_from, envelope.mail_options = sender, o
        return await self._reply(server, "MAIL")

    async def handle_RCPT(self, server: SMTP, _s: Any, envelope: Envelope, to: str, _o: Any) -> str:  # noqa: N802 - aiosmtpd's name
        envelope.rcpt_tos.append(to)
        return await self._reply(server, "RCPT")

    async def handle_DATA(self, server: SMTP, _s: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.letters.append(envelope)
        return await self._reply(server, "content")

    async def _reply(self, server: SMTP, command: str) -> str:
        reply = self.replies.get(command, "250 OK")
        if reply == "silence":
            await asyncio.sleep(60)
        if reply is None:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return reply or "250 OK"

    def messages(self) -> list[EmailMessage]:
        """The messages, parsed."""
        parsed = []
        for letter in self.letters:
            assert isinstance(letter.original_content, bytes)
            message = message_from_bytes(letter.original_content, policy=POLICY)
            assert isinstance(message, EmailMessage)
            parsed.append(message)
        return parsed


class Recording(SMTP):
    """Notes what stands between < and > of each RCPT, byte by byte."""

    async def smtp_RCPT(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Note the recipient and go on."""
        box = self.event_handler
        box.recipients.append(arg.removeprefix("TO:<").removesuffix(">"))
        await super().smtp_RCPT(arg)

    def connection_made(self, transport: Any) -> None:
        """Count the connection."""
        self.event_handler.connections += 1
        super().connection_made(transport)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Answer DATA as the mailbox says, or take the content."""
        reply = await self.event_handler._reply(self, "DATA")
        if reply == "250 OK":
            await super().smtp_DATA(arg)
        else:
            await self.push(reply)


@asynccontextmanager
async def mail_server(box: Mailbox, port: int = 0, **options: Any) -> AsyncIterator[int]:
    """Serve the mailbox; yields the port."""
    loop = asyncio.get_running_loop()
    made: list[Recording] = []

    def make() -> Recording:
        made.append(Recording(box, loop=loop, **options))
        return made[-1]

    server = await loop.create_server(make, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for one in made:
            if isinstance(one.transport, asyncio.Transport):
                one.transport.abort()


def settings_for(port: int, scheme: str = "smtp+plain", **more: Any) -> MailSettings:
    """Settings for a server on this port."""
    url = AnyUrl(f"{scheme}://127.0.0.1:{port}")
    return MailSettings(url=url, sender=SENDER, **more)
