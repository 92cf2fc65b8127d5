"""Messages in the sandbox's record."""

import pytest

from agents.runtime.errors import UnknownOutcome
from agents.runtime.settings import Settings
from agents.services import Services, connect_services
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
