"""E-mail goes to the mail server, everything else to the shop's own chats, nothing to the wrong one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from agents.runtime.errors import TransientError
from agents.runtime.settings import Settings
from agents.services import connect_services
from agents.services.notifications.protocol import Message, Notifications
from agents.services.sandbox.process import stop_sandbox
from tests.agents.services.notifications.mail_server import Mailbox, mail_server, settings_for

LETTER = Message("email", "ann@example.com", "Your order", "Sent.")
CALL = Message("webhook", "orders", "Your order", "Sent.")


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder; the sandbox that plays the other systems there ends with the test."""
    yield tmp_path
    stop_sandbox(tmp_path)


async def test_without_a_chat_only_email_is_sent(data: Path) -> None:
    box = Mailbox()
    async with mail_server(box) as port:
        own = Settings(data=data, mail=settings_for(port))
        async with connect_services(own) as services:
            await services[Notifications].send("k", LETTER)
            with pytest.raises(TransientError, match="AGENT_FLOWS_NOTIFICATION_URLS"):
                await services[Notifications].send("k", CALL)
    assert box.recipients == ["ann@example.com"]


async def test_email_without_a_mail_server_waits_for_one(data: Path) -> None:
    own = Settings(data=data, notification_urls=(SecretStr("json://127.0.0.1:9"),))
    async with connect_services(own) as services:
        with pytest.raises(TransientError, match="AGENT_FLOWS_MAIL"):
            await services[Notifications].send("k", LETTER)
        with pytest.raises(TransientError, match="no connection"):
            await services[Notifications].send("k", CALL)


@pytest.mark.parametrize("url", ["mailto://shop:pw@example.com", "json://host/{to}"])
def test_a_url_that_took_customers_addresses_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ValidationError, match="AGENT_FLOWS_MAIL"):
        Settings(notification_urls=(SecretStr(url),))


@pytest.mark.parametrize(
    "wrong",
    [{"url": "http://x"}, {"sender": "Shop <a@b>"}, {"name": "a\r\nBcc: eve@example.com"}],
)
def test_a_wrong_mail_server_is_refused_at_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(
            {"mail": {"url": "smtp://mail.example.com", "sender": "shop@example.com"} | wrong}
        )
