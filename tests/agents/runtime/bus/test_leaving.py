"""A durable group that is removed keeps nothing from being forgotten."""

import pytest
from sqlalchemy import select

from agents.runtime.bus import Bus, Delivery, subscribe
from agents.runtime.bus.leaving import UnknownGroup, leave
from agents.runtime.journal import Journal
from agents.runtime.journal.schema import subscriptions
from agents.runtime.settings import Settings
from tests.agents.runtime.bus.post import NEWS, Told, eventually, office

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
    opened: Journal, journal_settings: Settings
) -> None:
    heard.clear()
    async with office(journal_settings, stay, go) as bus:
        await bus.publish(NEWS, Told(n=1))
        await eventually(lambda: len(heard) == 2)
    async with office(journal_settings, stay) as bus:
        stream = bus.carrier.stream(NEWS.name)
        await bus.publish(NEWS, Told(n=2))
        await eventually(lambda: len(heard) == 3)
        await bus.sweep({NEWS.name: ["stays"]})
        assert await bus.link.run(lambda redis: redis.xlen(stream)) > 0

        await leave(opened.database, bus.link, NEWS.name, "leaves")
        await bus.publish(NEWS, Told(n=3))
        await eventually(lambda: len(heard) == 4)
        await eventually(lambda: _shortened(bus, stream))
    async with opened.database.read() as connection:
        assert list(await connection.scalars(select(subscriptions.c.grp))) == ["stays"]


async def _shortened(bus: Bus, stream: str) -> bool:
    await bus.sweep({NEWS.name: ["stays"]})
    return bool(await bus.link.run(lambda redis: redis.xlen(stream)) <= 1)


async def test_a_group_that_never_was(opened: Journal, journal_settings: Settings) -> None:
    async with office(journal_settings, stay) as bus:
        await bus.link.run(lambda redis: redis.ping())
        with pytest.raises(UnknownGroup, match=r"'news' has no group 'nobody'"):
            await leave(opened.database, bus.link, NEWS.name, "nobody")
