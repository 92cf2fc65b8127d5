"""E-mail reaches a real SMTP server: exactly the receiver, and each failure says what has happened."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.runtime.errors import PermanentError, TransientError, UnknownOutcome
from agents.services.http import Deadlines
from agents.services.notifications.letter import BadMessage
from agents.services.notifications.mailbox import BadAddress
from agents.services.notifications.protocol import Message
from agents.services.notifications.smtp import MailRefused, SmtpNotifications, Smtputf8Missing
from tests.agents.services.notifications.addresses import ADDRESSES
from tests.agents.services.notifications.certificate import contexts
from tests.agents.services.notifications.mail_server import (
    SENDER,
    Mailbox,
    mail_server,
    settings_for,
)

QUICK = Deadlines(connect=0.3, read=0.3, total=1.0)
USUAL = Deadlines(connect=5.0, read=5.0, total=10.0)


def to(address: str, subject: str = "Your order", text: str = "Sent.") -> Message:
    return Message("email", address, subject, text)


@asynccontextmanager
async def mailing(
    box: Mailbox, deadlines: Deadlines = USUAL, **options: bool
) -> AsyncIterator[SmtpNotifications]:
    async with (
        mail_server(box, **options) as port,
        SmtpNotifications(settings_for(port, name="Bücher & Söhne"), deadlines) as sender,
    ):
        yield sender


@settings(max_examples=15, deadline=None)
@given(st.lists(ADDRESSES, min_size=10, max_size=20))
def test_every_valid_address_is_the_one_recipient_as_it_stands(addresses: list[str]) -> None:
    async def check() -> None:
        box = Mailbox()
        async with mailing(box) as sender:
            for address in addresses:
                await sender.send("k", to(address))
        assert box.recipients == addresses
        assert [len(letter.rcpt_tos) for letter in box.letters] == [1] * len(addresses)
        for letter, address in zip(box.letters, addresses, strict=True):
            assert letter.mail_from == SENDER
            assert isinstance(letter.original_content, bytes)
            assert letter.original_content.startswith(f"To: <{address}>\r\n".encode())

    asyncio.run(check())


async def test_an_apostrophe_belongs_to_the_address() -> None:
    box = Mailbox()
    async with mailing(box) as sender:
        await sender.send("k", to("o'b@example.com"))
    (letter,) = box.letters
    assert letter.rcpt_tos == box.recipients == ["o'b@example.com"]


@settings(max_examples=30, deadline=None)
@given(
    subject=st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=150),
    text=st.text(st.characters(exclude_categories=("Cc", "Cs")) | st.just("\n"), max_size=300),
)
def test_subject_and_text_arrive_as_they_were_written(subject: str, text: str) -> None:
    async def check() -> None:
        box = Mailbox()
        async with mailing(box) as sender:
            await sender.send("k", to("ann@example.com", subject, text))
        (message,) = box.messages()
        assert message["Subject"] == subject
        assert message.get_content().replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")
        assert isinstance(box.letters[0].original_content, bytes)
        assert box.letters[0].original_content.isascii()
        assert max(map(len, box.letters[0].original_content.split(b"\r\n"))) <= 998

    asyncio.run(check())


async def test_the_header_says_who_writes_and_that_it_is_automatic() -> None:
    box = Mailbox()
    async with mailing(box) as sender:
        for key in ("k1", "k1", "k2"):
            await sender.send(key, to("ann@example.com", text=".\n..hidden\n"))
    first, again, other = box.messages()
    assert first["From"].addresses[0].display_name == "Bücher & Söhne"
    assert first["From"].addresses[0].addr_spec == SENDER
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]
    assert first.get_content().splitlines() == [".", "..hidden"]
    assert box.connections == 1


@pytest.mark.parametrize(
    "message,error",
    [
        (to("Ann <ann@example.com>"), BadAddress),
        (to("ann@example.com, eve@example.com"), BadAddress),
        (to("ann@example.com\r\nRCPT TO:<eve@example.com>"), BadAddress),
        (to("ann@example.com", subject="a\r\nBcc: eve@example.com"), BadMessage),
        (to("ann@example.com", subject="a\u2028Bcc: eve@example.com"), BadMessage),
        (to("ann@example.com", subject="a\x85b"), BadMessage),
        (to("ann@example.com", text="\ud800"), BadMessage),
        (to("jörg@example.com"), Smtputf8Missing),
    ],
)
async def test_what_cannot_be_sent_is_refused_by_name_and_nothing_goes_out(
    message: Message, error: type[PermanentError]
) -> None:
    box = Mailbox()
    async with mailing(box) as sender:
        with pytest.raises(error) as caught:
            await sender.send("k", message)
        await sender.send("k", to("bob@example.com"))
    assert "ann@" not in str(caught.value)
    assert box.recipients == ["bob@example.com"]


async def test_a_server_with_smtputf8_gets_the_address_in_utf_8() -> None:
    box = Mailbox()
    async with mailing(box, enable_SMTPUTF8=True) as sender:
        await sender.send("k", to("jörg@bücher.example"))
    (letter,) = box.letters
    assert box.recipients == ["jörg@xn--bcher-kva.example"]
    assert "SMTPUTF8" in letter.mail_options
    assert isinstance(letter.original_content, bytes)
    assert letter.original_content.startswith("To: <jörg@xn--bcher-kva.example>\r\n".encode())


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "content"])
async def test_a_reply_that_refuses_for_good_is_a_named_failure(command: str) -> None:
    box = Mailbox({command: "550 5.1.1 <o'b@example.com> unknown"})
    async with mailing(box) as sender:
        with pytest.raises(MailRefused, match=r"550 5\.1\.1") as caught:
            await sender.send("k", to("o'b@example.com"))
    assert "example.com" not in str(caught.value)


@pytest.mark.parametrize("reply", ["450 busy", "421 closing", "452 full"])
@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "content"])
async def test_a_reply_that_refuses_for_now_is_tried_again(command: str, reply: str) -> None:
    box = Mailbox({command: reply})
    async with mailing(box) as sender:
        with pytest.raises(TransientError, match=reply[:3]) as caught:
            await sender.send("k", to("ann@example.com"))
        assert type(caught.value) is TransientError
        box.replies.clear()
        before = len(box.letters)
        await sender.send("k", to("ann@example.com"))
        assert len(box.letters) == before + 1


@pytest.mark.parametrize("reply", [None, "silence"])
@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "content"])
async def test_only_after_the_content_no_reply_is_unknown(command: str, reply: str | None) -> None:
    async with mailing(Mailbox({command: reply}), QUICK) as sender:
        with pytest.raises(TransientError, match=command) as caught:
            await sender.send("k", to("ann@example.com"))
    assert isinstance(caught.value, UnknownOutcome) == (command == "content")


async def test_nobody_there_and_a_silent_server_are_certainly_not_sent() -> None:
    async with mail_server(Mailbox()) as port:
        pass
    with pytest.raises(TransientError, match="connect") as refused:
        await SmtpNotifications(settings_for(port), QUICK).send("k", to("ann@example.com"))
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(TransientError, match="connect") as silent:
            await SmtpNotifications(settings_for(port), QUICK).send("k", to("ann@example.com"))
    assert type(refused.value) is type(silent.value) is TransientError


async def test_a_kept_connection_that_the_server_has_closed_is_replaced() -> None:
    first, second = Mailbox(), Mailbox()
    async with mail_server(first) as port:
        sender = SmtpNotifications(settings_for(port), USUAL)
        await sender.send("k1", to("ann@example.com"))
    async with mail_server(second, port), sender:
        await sender.send("k2", to("ann@example.com"))
    assert (len(first.letters), len(second.letters)) == (1, 1)


async def test_many_messages_share_few_connections() -> None:
    box = Mailbox()
    async with mailing(box) as sender:
        await asyncio.gather(*(sender.send(f"k{n}", to(f"c{n}@example.com")) for n in range(100)))
    assert len({letter.rcpt_tos[0] for letter in box.letters}) == len(box.letters) == 100
    assert box.connections <= 8


async def test_without_starttls_nothing_is_said_in_clear() -> None:
    box = Mailbox()
    async with mail_server(box) as port:
        server = settings_for(port, "smtp", user="shop", password="very secret")
        with pytest.raises(TransientError, match="STARTTLS") as caught:
            await SmtpNotifications(server, USUAL).send("k", to("ann@example.com"))
    assert "very secret" not in str(caught.value)
    assert box.letters == []


async def test_login_and_message_go_through_starttls(tmp_path: Path) -> None:
    box, logins = Mailbox(), list[object]()
    on_server, on_client = contexts(tmp_path)

    def check(*arguments: object) -> AuthResult:
        logins.append(arguments[-1])
        return AuthResult(success=True)

    options: dict[str, Any] = {"tls_context": on_server, "require_starttls": True}
    async with mail_server(box, auth_required=True, authenticator=check, **options) as port:
        server = settings_for(port, "smtp", user="shop", password="secret")
        async with SmtpNotifications(server, USUAL, on_client) as sender:
            await sender.send("k", to("ann@example.com"))
    assert [letter.rcpt_tos for letter in box.letters] == [["ann@example.com"]]
    assert len(logins) == 1


async def test_a_wrong_password_says_nothing_about_the_message(tmp_path: Path) -> None:
    on_server, on_client = contexts(tmp_path)
    refuse = AuthResult(success=False, handled=False)
    options: dict[str, Any] = {"tls_context": on_server, "authenticator": lambda *_: refuse}
    async with mail_server(Mailbox(), **options) as port:
        server = settings_for(port, "smtp", user="shop", password="secret")
        with pytest.raises(TransientError, match="535"):
            await SmtpNotifications(server, USUAL, on_client).send("k", to("ann@example.com"))
