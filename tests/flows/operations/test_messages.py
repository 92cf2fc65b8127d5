"""Dead messages are listed and delivered again."""

import pytest
from pydantic import BaseModel
from sqlalchemy import select

from agents.runtime.context import open_runtime
from agents.runtime.journal.schema import messages
from agents.runtime.messaging.connection import publish
from agents.runtime.messaging.dead_letters import DeadLetterReason, NotDead, add_dead_letter
from agents.runtime.model.message import Topic
from agents.runtime.settings import settings
from flows.operations.messages import dead_messages, redeliver_message
from tests.flows.shop import Shop


class Said(BaseModel):
    text: str


SAID = Topic("tests.said", Said)


async def test_a_dead_message_is_listed_and_delivered_again_once(shop: Shop) -> None:
    assert shop.name
    async with open_runtime(settings()) as opened:
        async with opened.journal.database.write() as connection:
            name = await publish(connection, SAID, Said(text="hello"))
        death = DeadLetterReason("failed", "the printer burns", message=name, deliveries=5)
        await add_dead_letter(
            opened.journal.database, (SAID.name, "printers"), b'{"text":"hello"}', death
        )

    (row,) = (await dead_messages.fn()).table
    assert (row["topic"], row["reason"], row["deliveries"]) == (SAID.name, "failed", "5")
    assert "hello" in row["begins"]

    await redeliver_message.fn(row["message"])
    assert (await dead_messages.fn()).title == "0 dead messages"
    with pytest.raises(NotDead, match="list them first"):
        await redeliver_message.fn(row["message"])
    async with open_runtime(settings()) as opened, opened.journal.database.read() as connection:
        assert await connection.scalar(select(messages.c.epoch)) is None
