"""A durable group that is removed keeps nothing from being forgotten."""

import pytest
from sqlalchemy import select

from agents.runtime.context import Runtime
from agents.runtime.journal.schema import subscriptions
from agents.runtime.messaging import Bus, Delivery, subscribe
from agents.runtime.messaging.maintenance import UnknownGroup, unsubscribe
from agents.runtime.settings import Settings
from tests.agents.runtime.messaging.mailbox import NEWS, Told, eventually, office

heard: list[int] = []


@subscribe(NEWS, "stays")
async def stay(told: Told, delivery: Delivery) -> None:
    async with delivery.transaction():
        heard.append(told.n)


@subscribe(NEWS, "leaves")
async def go(told: Told, delivery: Delivery) -> None:
    async with delivery.transaction():
        heard.append(told.n)


async def test_a_group_leaves_and_the_stream_is_shortened_again(
    opened: Runtime, journal_settings: Settings
) -> None:
    heard.clear()
    async with office(journal_settings, stay, go) as bus:
        await bus.publish(NEWS, Told(n=1))
        await eventually(lambda: len(heard) == 2)
    async with office(journal_settings, stay) as bus:
        stream = bus.outbox_relay.stream(NEWS.name)
        await bus.publish(NEWS, Told(n=2))
        await eventually(lambda: len(heard) == 3)
        await bus.sweep({NEWS.name: ["stays"]})
        assert await bus.redis_client.run(lambda redis: redis.xlen(stream)) > 0

        await unsubscribe(opened.journal.database, bus.redis_client, NEWS.name, "leaves")
        await bus.publish(NEWS, Told(n=3))
        await eventually(lambda: len(heard) == 4)
        await eventually(lambda: _shortened(bus, stream))
    async with opened.journal.database.read() as connection:
        assert list(await connection.scalars(select(subscriptions.c.grp))) == ["stays"]


async def _shortened(bus: Bus, stream: str) -> bool:
    await bus.sweep({NEWS.name: ["stays"]})
    return bool(await bus.redis_client.run(lambda redis: redis.xlen(stream)) <= 1)


async def test_a_group_that_never_was(opened: Runtime, journal_settings: Settings) -> None:
    async with office(journal_settings, stay) as bus:
        await bus.redis_client.run(lambda redis: redis.ping())
        with pytest.raises(UnknownGroup, match=r"'news' has no group 'nobody'"):
            await unsubscribe(opened.journal.database, bus.redis_client, NEWS.name, "nobody")
