"""If Redis crashes, loses data, is full or hangs, every message is still handled once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import update

from agents.runtime.context import Runtime
from agents.runtime.journal.schema import messages
from agents.runtime.messaging import Bus, Delivery, Subscription, subscribe
from agents.runtime.settings import Settings
from tests.agents.runtime.messaging.mailbox import NEWS, Note, count_rows, eventually, serving_bus
from tests.redis_servers import Valkey

pytestmark = pytest.mark.slow

received: Counter[int] = Counter()


@subscribe(NEWS, "ears")
async def listen(note: Note, delivery: Delivery) -> None:
    async with delivery.transaction():
        pass
    received[note.n] += 1  # after the commit: of two processes that try, one gets AlreadyHandled


@pytest.fixture(autouse=True)
def _nothing_received() -> None:
    received.clear()


@pytest.fixture
async def bus(
    opened: Runtime, journal_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bus]:
    monkeypatch.setattr("agents.runtime.messaging.bus.SWEEP_SECONDS", 0.5)
    monkeypatch.setattr("agents.runtime.messaging.maintenance.SETTLED_SECONDS", 0.5)
    async with serving_bus(journal_settings, listen) as bus:
        await bus.redis_client.run(lambda redis: redis.ping())
        yield bus


async def publish(bus: Bus, numbers: range) -> None:
    for n in numbers:
        await bus.publish(NEWS, Note(n=n))


async def all_received(count: int) -> None:
    await eventually(lambda: len(received) == count)
    assert set(received.values()) == {1}


async def test_redis_is_killed_while_messages_are_published(bus: Bus, tmp_path: Path) -> None:
    valkey = Valkey(tmp_path)
    for round_ in range(3):
        publishing = asyncio.create_task(publish(bus, range(round_ * 20, round_ * 20 + 20)))
        await asyncio.sleep(0.01 * round_)
        await asyncio.to_thread(valkey.kill)
        await publishing
    await all_received(60)


async def test_redis_is_emptied_and_its_group_destroyed(bus: Bus, tmp_path: Path) -> None:
    valkey, stream = Valkey(tmp_path), bus.outbox_relay.stream("news")
    await publish(bus, range(5))
    valkey.do("FLUSHALL")
    await publish(bus, range(5, 10))
    await all_received(10)
    valkey.do("XGROUP", "DESTROY", stream, "ears")
    await publish(bus, range(10, 15))
    valkey.do("DEL", stream)
    await publish(bus, range(15, 20))
    await all_received(20)


async def test_lost_messages_are_published_again_and_handled_ones_are_trimmed(
    bus: Bus, tmp_path: Path
) -> None:
    valkey, stream = Valkey(tmp_path), bus.outbox_relay.stream("news")
    await publish(bus, range(3))
    await all_received(3)
    epoch = valkey.do("GET", bus.redis_client.key("bus", "epoch")).decode()
    async with bus.transaction() as transaction:
        for n in range(3, 20):
            await transaction.publish(NEWS, Note(n=n))
        transaction.envelopes.clear()
        await transaction.connection.execute(update(messages).values(epoch=epoch, relay_at=0))
    await all_received(20)
    await eventually(lambda: valkey.do("XLEN", stream) <= 1)
    assert await count_rows(bus.database, messages) == 20


async def test_redis_is_full_or_hangs_and_recovers(bus: Bus, tmp_path: Path) -> None:
    valkey = Valkey(tmp_path)
    valkey.do("CONFIG", "SET", "maxmemory", "1")
    await publish(bus, range(5))
    assert not received
    valkey.do("CONFIG", "SET", "maxmemory", "0")
    await all_received(5)

    valkey.hang()
    clock = asyncio.get_running_loop()
    begun = clock.time()
    await publish(bus, range(5, 10))
    assert clock.time() - begun < 8
    valkey.go_on()
    begun = clock.time()
    await all_received(10)
    assert clock.time() - begun < 10


def test_subscribe_returns_a_subscription() -> None:
    assert isinstance(listen, Subscription)
    assert listen.group == "ears"
