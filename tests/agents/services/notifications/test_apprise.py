"""Messages that leave: e-mail to a real SMTP server, webhooks to a real HTTP server."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope
from pydantic import SecretStr

from agents.runtime.errors import TransientError, UnknownOutcome
from agents.services.http import Deadlines
from agents.services.notifications.apprise import AppriseNotifications, NoChannel
from agents.services.notifications.protocol import Message

QUICK = Deadlines(connect=0.5, read=0.5, total=0.6)
LETTER = Message("email", "ann+x@example.com", "Your order", "Sent <today> & insured.\nBye")
CALL = Message("webhook", "o1", "Your order", "Sent.")


class Mailbox:
    """Takes every letter, or refuses every letter."""

    def __init__(self, answer: str = "250 OK") -> None:
        self.answer, self.letters = answer, list[Envelope]()

    async def handle_DATA(self, _server: object, _session: object, letter: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.letters.append(letter)
        return self.answer


@asynccontextmanager
async def listening(make: Callable[[], asyncio.BaseProtocol]) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


class Webhook(asyncio.Protocol):
    """Keeps what is posted and answers with a status; status 0 is no answer."""

    def __init__(self, status: int, posted: list[dict[str, Any]]) -> None:
        self.status, self.posted, self.bytes = status, posted, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.bytes += data
        head, _, body = self.bytes.partition(b"\r\n\r\n")
        length = next(int(h[15:]) for h in head.split(b"\r\n") if h.startswith(b"Content-Length:"))
        if len(body) == length:
            self.posted.append({"path": head.split()[1].decode(), **json.loads(body)})
            if self.status:
                self.transport.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % self.status)
                self.transport.close()


@pytest.fixture
def notify() -> Iterator[Callable[..., AppriseNotifications]]:
    made: list[AppriseNotifications] = []

    def make(*urls: str, deadlines: Deadlines = QUICK) -> AppriseNotifications:
        made.append(AppriseNotifications([SecretStr(url) for url in urls], deadlines))
        return made[-1]

    yield make
    for one in made:
        with one:
            pass


def mail(port: int) -> str:
    return f"mailto://127.0.0.1:{port}?from=shop@example.com&to={{to}}&mode=insecure"


async def test_a_letter_arrives_once(notify: Callable[..., AppriseNotifications]) -> None:
    box = Mailbox()
    async with listening(lambda: SMTP(box, loop=asyncio.get_running_loop())) as port:
        sender = notify(mail(port), "json://127.0.0.1:9/{to}", deadlines=Deadlines())
        await sender.send("k", LETTER)
    (letter,) = box.letters
    assert letter.rcpt_tos == [LETTER.to]
    assert isinstance(letter.content, bytes)
    parsed = message_from_bytes(letter.content)
    assert parsed["Subject"] == LETTER.subject
    assert "insured" in str(parsed.get_payload(decode=True) or parsed.as_string())


async def test_a_letter_that_the_server_refuses_is_unknown(
    notify: Callable[..., AppriseNotifications],
) -> None:
    box = Mailbox("554 no")
    async with listening(lambda: SMTP(box, loop=asyncio.get_running_loop())) as port:
        with pytest.raises(UnknownOutcome):
            await notify(mail(port), deadlines=Deadlines()).send("k", LETTER)
    assert len(box.letters) == 1


async def test_a_webhook_is_called_once(notify: Callable[..., AppriseNotifications]) -> None:
    posted: list[dict[str, Any]] = []
    async with listening(lambda: Webhook(200, posted)) as port:
        await notify("mailto://x", f"json://127.0.0.1:{port}/for/{{to}}").send("k", CALL)
    assert [(p["path"], p["title"], p["message"]) for p in posted] == [
        ("/for/o1", "Your order", "Sent.")
    ]


@pytest.mark.parametrize("status", [0, 500])
async def test_no_good_answer_is_unknown_and_not_sent_again(
    notify: Callable[..., AppriseNotifications], status: int
) -> None:
    posted: list[dict[str, Any]] = []
    async with listening(lambda: Webhook(status, posted)) as port:
        started = time.monotonic()
        with pytest.raises(UnknownOutcome):
            await notify(f"json://127.0.0.1:{port}/?retry=3").send("k", CALL)
        assert time.monotonic() - started < QUICK.total + 1
    assert len(posted) == 1


@pytest.mark.parametrize("message", [LETTER, CALL])
async def test_nobody_there_is_transient(
    notify: Callable[..., AppriseNotifications], message: Message
) -> None:
    async with listening(asyncio.Protocol) as port:
        pass
    secret = f"json://user:very_secret@127.0.0.1:{port}"
    with pytest.raises(TransientError) as caught:
        await notify(mail(port), secret).send("k", message)
    assert type(caught.value) is TransientError
    assert "very_secret" not in str(caught.value)


async def test_a_channel_without_a_url(notify: Callable[..., AppriseNotifications]) -> None:
    with pytest.raises(NoChannel, match="email"):
        await notify("json://127.0.0.1:9").send("k", LETTER)
    with pytest.raises(NoChannel, match="webhook"):
        await notify("nonsense://very_secret").send("k", CALL)


async def test_a_receiver_cannot_change_where_the_message_goes(
    notify: Callable[..., AppriseNotifications],
) -> None:
    posted: list[dict[str, Any]] = []
    async with listening(lambda: Webhook(200, posted)) as port:
        sender = notify(f"json://127.0.0.1:{port}/for/{{to}}")
        await sender.send("k", Message("webhook", "x?method=GET&a=b/../c", "s", "t"))
    assert len(posted) == 1
