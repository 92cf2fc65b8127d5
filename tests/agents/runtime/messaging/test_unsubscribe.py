"""A durable group that is removed keeps no messages."""

import pytest
from sqlalchemy import select

from agents.runtime.context import Runtime
from agents.runtime.journal.schema import subscriptions
from agents.runtime.messaging import Bus, Delivery, subscribe
from agents.runtime.messaging.maintenance import UnknownGroup, unsubscribe
from agents.runtime.settings import Settings
from tests.agents.runtime.messaging.mailbox import NEWS, Note, eventually, serving_bus

received: list[int] = []


@subscribe(NEWS, "stays")
async def stay(note: Note, delivery: Delivery) -> None:
    async with delivery.transaction():
        received.append(note.n)


@subscribe(NEWS, "leaves")
async def go(note: Note, delivery: Delivery) -> None:
    async with delivery.transaction():
        received.append(note.n)


async def test_a_stream_is_trimmed_again_after_a_group_is_removed(
    opened: Runtime, journal_settings: Settings
) -> None:
    received.clear()
    async with serving_bus(journal_settings, stay, go) as bus:
        await bus.publish(NEWS, Note(n=1))
        await eventually(lambda: len(received) == 2)
    async with serving_bus(journal_settings, stay) as bus:
        stream = bus.outbox_relay.stream(NEWS.name)
        await bus.publish(NEWS, Note(n=2))
        await eventually(lambda: len(received) == 3)
        await bus.sweep({NEWS.name: ["stays"]})
        assert await bus.redis_client.run(lambda redis: redis.xlen(stream)) > 0

        await unsubscribe(opened.journal.database, bus.redis_client, NEWS.name, "leaves")
        await bus.publish(NEWS, Note(n=3))
        await eventually(lambda: len(received) == 4)
        await eventually(lambda: _is_trimmed(bus, stream))
    async with opened.journal.database.read() as connection:
        assert list(await connection.scalars(select(subscriptions.c.grp))) == ["stays"]


async def _is_trimmed(bus: Bus, stream: str) -> bool:
    await bus.sweep({NEWS.name: ["stays"]})
    return bool(await bus.redis_client.run(lambda redis: redis.xlen(stream)) <= 1)


async def test_an_unknown_group_cannot_be_removed(
    opened: Runtime, journal_settings: Settings
) -> None:
    async with serving_bus(journal_settings, stay) as bus:
        await bus.redis_client.run(lambda redis: redis.ping())
        with pytest.raises(UnknownGroup, match=r"'news' has no group 'nobody'"):
            await unsubscribe(opened.journal.database, bus.redis_client, NEWS.name, "nobody")
