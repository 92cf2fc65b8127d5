"""Messages in the sandbox's record."""

import pytest

from agents.runtime.errors import UnknownOutcome
from agents.runtime.settings import Settings
from agents.services import Services, connect_services
from agents.services.http import Rejected
from agents.services.notifications.mailbox import BadAddress
from agents.services.notifications.protocol import Message, Notifications
from tests.agents.services.conftest import AskRecord

LETTER = Message("email", "ann@example.com", "Your order", "Sent.")


async def test_every_message_is_written_down_doubles_too(
    services: Services, name: str, record: AskRecord
) -> None:
    await services[Notifications].send(name, LETTER)
    await services[Notifications].send(name, LETTER)
    said = "SELECT channel, receiver, subject, text FROM notifications WHERE key = ?"
    assert record(said, name) == [("email", "ann@example.com", "Your order", "Sent.")] * 2


async def test_a_lost_message_is_unknown(
    sandbox_settings: Settings, name: str, record: AskRecord
) -> None:
    async with connect_services(sandbox_settings, faults="notifications.send:lost=1") as services:
        with pytest.raises(UnknownOutcome):
            await services[Notifications].send(name, LETTER)
    assert record("SELECT count(*) FROM notifications WHERE key = ?", name) == [(0,)]
    assert record("SELECT fault FROM calls WHERE key = ?", name) == [("lost",)]


async def test_a_domain_beyond_ascii_is_converted(
    services: Services, name: str, record: AskRecord
) -> None:
    message = Message("email", "o'b@bücher.example", "s", "t")
    await services[Notifications].send(name, message)
    said = "SELECT receiver FROM notifications WHERE key = ?"
    assert record(said, name) == [("o'b@xn--bcher-kva.example",)]


async def test_a_blocked_receiver_and_a_bad_address_are_permanent(
    sandbox_settings: Settings, name: str, record: AskRecord
) -> None:
    async with connect_services(sandbox_settings, faults="notifications.send:refuse=1") as services:
        with pytest.raises(Rejected, match="inactive_recipient"):
            await services[Notifications].send(name, LETTER)
        with pytest.raises(BadAddress):
            await services[Notifications].send(name, Message("email", "a b@example.com", "s", "t"))
    assert record("SELECT count(*) FROM notifications WHERE key = ?", name) == [(0,)]
