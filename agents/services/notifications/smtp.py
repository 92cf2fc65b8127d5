"""E-mail over SMTP: one recipient in each envelope, and each failure says what has happened.

Until the server has asked for the content, and after a reply that refuses it, certainly nothing went out.
A reply 4yz is tried again, a reply 5yz is final. Only a connection that breaks, or a server that is
silent, after the content was sent leaves the outcome unknown.

Sources: RFC 5321, sections 4.2 and 4.5.2 (replies, dots) and 4.5.3.2 (time-outs); RFC 3207 (STARTTLS);
RFC 6531 (SMTPUTF8); RFC 4954, section 6 (replies about the login).
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.headerregistry import Address
from ssl import SSLContext
from typing import Self

import aiosmtplib
from aiosmtplib import SMTP, SMTPException, SMTPResponse

from agents.runtime.errors import PermanentError, TransientError, UnknownOutcome
from agents.runtime.settings import MailSettings
from agents.services.http import Deadlines
from agents.services.notifications.letter import Letter, letter
from agents.services.notifications.protocol import Message
from agents.services.proxies import tls

# Servers check a message for spam before they answer, so their last reply takes longer than a web server's.
DEADLINES = Deadlines(connect=5.0, read=20.0, total=30.0)
MOST_CONNECTIONS = 8  # at once; a mail server allows a client few of them
KEEP_SECONDS = 10.0
QUIT_SECONDS = 1.0
LONGEST_REPLY = 200
RECEIVER = "the receiver"  # stands for an address in what the server says
LOGIN_REPLIES = frozenset({530, 534, 535, 538})  # about our account, not about the message
PORTS = {"smtps": 465, "smtp": 587, "smtp+plain": 25}
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


class MailRefused(PermanentError):
    """The mail server refuses the message for good: its command, its code and its words."""

    def __init__(self, command: str, code: int, words: str) -> None:
        super().__init__(command, code, words)
        self.command, self.code, self.words = command, code, words

    def __str__(self) -> str:
        return f"the mail server refused {self.command}: {self.code} {self.words}".rstrip()


class Smtputf8Missing(PermanentError):
    """The address has letters beyond ASCII before its @, and the mail server takes no such address."""

    def __str__(self) -> str:
        return "the mail server does not offer SMTPUTF8, which this address needs"


class SmtpNotifications:
    """Sends through one mail server over few connections, which are kept for the next message."""

    def __init__(
        self,
        server: MailSettings,
        deadlines: Deadlines = DEADLINES,
        certificates: SSLContext | None = None,
    ) -> None:
        self._server, self._deadlines = server, deadlines
        self._certificates = certificates
        self._slots = asyncio.Semaphore(MOST_CONNECTIONS)
        self._free: list[tuple[SMTP, float]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(_quit(smtp) for smtp, _ in self._free))

    async def send(self, key: str, message: Message) -> None:
        """Send it to exactly `message.to`.

        Raises TransientError if it certainly did not go out and UnknownOutcome if it may have;
        BadAddress, BadMessage, MailRefused and Smtputf8Missing are permanent.
        """
        name, _, domain = self._server.sender.rpartition("@")
        written = letter(key, message, Address(self._server.name, name, domain))
        transfer = _Transfer(written)
        try:
            async with (
                asyncio.timeout(self._deadlines.total),
                self._slots,
                self._connection() as smtp,
            ):
                await transfer.run(smtp, self._server.sender)
        except TimeoutError:
            raise transfer.broken("no answer in time") from None
        except SMTPException as error:
            raise transfer.broken(_words(error, written)) from None
        except OSError as error:
            raise transfer.broken(type(error).__name__) from None

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[SMTP]:
        """A connection that is free or new; after a failure it is closed."""
        smtp = await self._kept() or await self._opened()
        try:
            yield smtp
        except BaseException:
            smtp.close()
            raise
        self._free.append((smtp, time.monotonic()))

    async def _kept(self) -> SMTP | None:
        while self._free:
            smtp, since = self._free.pop()
            if time.monotonic() - since < KEEP_SECONDS:
                with suppress(SMTPException, OSError):
                    await smtp.rset()
                    return smtp
            smtp.close()
        return None

    async def _opened(self) -> SMTP:
        url, user = self._server.url, self._server.user
        smtp = SMTP(
            hostname=url.host,
            port=url.port or PORTS[url.scheme],
            username=user or None,
            password=self._server.password.get_secret_value() if user else None,
            local_hostname=self._server.sender.rpartition("@")[2],
            timeout=self._deadlines.read,
            use_tls=url.scheme == "smtps",
            start_tls=url.scheme == "smtp",
            tls_context=self._certificates or tls(),
        )
        await smtp.connect(timeout=self._deadlines.connect)
        if smtp.is_ehlo_or_helo_needed:
            await smtp.ehlo()
        return smtp


class _Transfer:
    """One e-mail on its way: the command that it has reached, and whether its content was sent."""

    def __init__(self, written: Letter) -> None:
        self.letter, self.command, self.content_sent = written, "connect", False

    async def run(self, smtp: SMTP, sender: str) -> None:
        """Hand the letter over. Raises as `send` does, and what aiosmtplib raises."""
        recipient, options = self.letter.recipient, ""
        if recipient.international:
            if not smtp.supports_extension("smtputf8"):
                raise Smtputf8Missing
            options = " BODY=8BITMIME SMTPUTF8"
        await self._say(smtp, "MAIL", f"MAIL FROM:<{sender}>{options}")
        # Not aiosmtplib's `rcpt`, which parses the address again.
        await self._say(smtp, "RCPT", f"RCPT TO:<{recipient.address}>")
        await self._say(smtp, "DATA", "DATA")
        self.command = "the content"
        if smtp.protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("connection lost")
        self.content_sent = True
        smtp.protocol.write(_LEADING_DOT.sub(b"..", self.letter.content) + b".\r\n")
        self._check(await smtp.protocol.read_response(timeout=smtp.timeout))

    async def _say(self, smtp: SMTP, command: str, line: str) -> None:
        self.command = command
        self._check(await smtp.execute_command(line.encode()))

    def _check(self, reply: SMTPResponse) -> None:
        """Raise unless the server goes on."""
        expected, words = (
            (3 if self.command == "DATA" else 2),
            _one_line(reply.message, self.letter),
        )
        kind = reply.code // 100
        if kind == 4 or reply.code in LOGIN_REPLIES:
            raise TransientError(f"e-mail, {self.command}: {reply.code} {words}".rstrip())
        if kind == 5:
            raise MailRefused(self.command, reply.code, words)
        if kind != expected:
            raise self.broken(f"unexpected reply {reply.code} {words}".rstrip())

    def broken(self, what: str) -> TransientError:
        """The error for a transfer that ended without a reply that says what happened."""
        kind = UnknownOutcome if self.content_sent else TransientError
        return kind(f"e-mail, {self.command}: {what}")


def _words(error: SMTPException, written: Letter) -> str:
    code = f"{error.code} " if isinstance(error, aiosmtplib.SMTPResponseException) else ""
    words = error.message if isinstance(error, aiosmtplib.SMTPResponseException) else str(error)
    return f"{code}{_one_line(words, written)} ({type(error).__name__})"


def _one_line(words: str, written: Letter) -> str:
    """What the server said, without the customer's address, which servers repeat."""
    shown = words.replace(written.recipient.address, RECEIVER)
    return "".join(c if c.isprintable() else " " for c in shown)[:LONGEST_REPLY].strip()


async def _quit(smtp: SMTP) -> None:
    with suppress(SMTPException, OSError, TimeoutError):
        await smtp.quit(timeout=QUIT_SECONDS)
    smtp.close()
