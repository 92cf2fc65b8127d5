"""Messages to the shop's own chats: webhooks to a real HTTP server."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from agents.runtime.errors import TransientError, UnknownOutcome
from agents.services.http import Deadlines
from agents.services.notifications.apprise import AppriseNotifications
from agents.services.notifications.protocol import Message

QUICK = Deadlines(connect=0.5, read=0.5, total=0.6)
CALL = Message("webhook", "o1", "Your order", "Sent.")


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


async def test_a_webhook_is_called_once(notify: Callable[..., AppriseNotifications]) -> None:
    posted: list[dict[str, Any]] = []
    async with listening(lambda: Webhook(200, posted)) as port:
        await notify("nonsense://x", f"json://127.0.0.1:{port}/orders").send("k", CALL)
    assert [(p["path"], p["title"], p["message"]) for p in posted] == [
        ("/orders", "Your order", "Sent.")
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
        assert time.monotonic() - started < QUICK.total + 3  # Apprise itself would wait for 4
    assert len(posted) == 1


async def test_nobody_there_is_transient(notify: Callable[..., AppriseNotifications]) -> None:
    async with listening(asyncio.Protocol) as port:
        pass
    secret = f"json://user:very_secret@127.0.0.1:{port}"
    with pytest.raises(TransientError) as caught:
        await notify(secret).send("k", CALL)
    assert type(caught.value) is TransientError
    assert "very_secret" not in str(caught.value)


async def test_urls_that_apprise_does_not_understand(
    notify: Callable[..., AppriseNotifications],
) -> None:
    with pytest.raises(TransientError, match="none") as caught:
        await notify("nonsense://very_secret").send("k", CALL)
    assert "very_secret" not in str(caught.value)


async def test_no_receiver_becomes_a_part_of_the_url(
    notify: Callable[..., AppriseNotifications],
) -> None:
    posted: list[dict[str, Any]] = []
    async with listening(lambda: Webhook(200, posted)) as port:
        sender = notify(f"json://127.0.0.1:{port}/orders")
        await sender.send("k", Message("webhook", "x?method=GET&a=b/../c", "s", "t"))
    assert [one["path"] for one in posted] == ["/orders"]
