"""E-mail goes to the mail server, everything else to the shop's own chats, nothing to the wrong one."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from agents.runtime.errors import TransientError
from agents.runtime.settings import Settings
from agents.services import connect_services
from agents.services.notifications.protocol import Message, Notifications
from tests.agents.services.notifications.mail_server import Mailbox, mail_server, settings_for

LETTER = Message("email", "ann@example.com", "Your order", "Sent.")
CALL = Message("webhook", "orders", "Your order", "Sent.")


async def test_without_a_chat_only_email_is_sent(tmp_path: Path) -> None:
    box = Mailbox()
    async with mail_server(box) as port:
        own = Settings(data=tmp_path, mail=settings_for(port))
        async with connect_services(own) as services:
            await services[Notifications].send("k", LETTER)
            with pytest.raises(TransientError, match="AGENT_FLOWS_NOTIFICATION_URLS"):
                await services[Notifications].send("k", CALL)
    assert box.recipients == ["ann@example.com"]


async def test_email_without_a_mail_server_waits_for_one(tmp_path: Path) -> None:
    own = Settings(data=tmp_path, notification_urls=(SecretStr("json://127.0.0.1:9"),))
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
