"""Redis may die, forget, fill up or hang: nothing that was said is lost, and nothing is heard twice."""

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
from tests.agents.runtime.messaging.mailbox import NEWS, Told, eventually, office, rows
from tests.redis_servers import Valkey

pytestmark = pytest.mark.slow

heard: Counter[int] = Counter()


@subscribe(NEWS, "ears")
async def listen(told: Told, delivery: Delivery) -> None:
    async with delivery.transaction():
        pass
    heard[told.n] += 1  # what was committed counts: two may try, and one of them is told to stop


@pytest.fixture(autouse=True)
def _nothing_heard() -> None:
    heard.clear()


@pytest.fixture
async def bus(
    opened: Runtime, journal_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bus]:
    monkeypatch.setattr("agents.runtime.messaging.bus.SWEEP_SECONDS", 0.5)
    monkeypatch.setattr("agents.runtime.messaging.maintenance.SETTLED_SECONDS", 0.5)
    async with office(journal_settings, listen) as bus:
        await bus.redis_client.run(lambda redis: redis.ping())
        yield bus


async def say(bus: Bus, numbers: range) -> None:
    for n in numbers:
        await bus.publish(NEWS, Told(n=n))


async def all_heard(count: int) -> None:
    await eventually(lambda: len(heard) == count)
    assert set(heard.values()) == {1}


async def test_killed_while_messages_flow(bus: Bus, tmp_path: Path) -> None:
    valkey = Valkey(tmp_path)
    for round_ in range(3):
        saying = asyncio.create_task(say(bus, range(round_ * 20, round_ * 20 + 20)))
        await asyncio.sleep(0.01 * round_)
        await asyncio.to_thread(valkey.kill)
        await saying
    await all_heard(60)


async def test_emptied_and_its_group_destroyed(bus: Bus, tmp_path: Path) -> None:
    valkey, stream = Valkey(tmp_path), bus.outbox_relay.stream("news")
    await say(bus, range(5))
    valkey.do("FLUSHALL")
    await say(bus, range(5, 10))
    await all_heard(10)
    valkey.do("XGROUP", "DESTROY", stream, "ears")
    await say(bus, range(10, 15))
    valkey.do("DEL", stream)
    await say(bus, range(15, 20))
    await all_heard(20)


async def test_what_redis_forgot_is_published_again_and_what_is_handled_is_trimmed(
    bus: Bus, tmp_path: Path
) -> None:
    valkey, stream = Valkey(tmp_path), bus.outbox_relay.stream("news")
    await say(bus, range(3))
    await all_heard(3)
    epoch = valkey.do("GET", bus.redis_client.key("bus", "epoch")).decode()
    async with bus.transaction() as transaction:
        for n in range(3, 20):
            await transaction.publish(NEWS, Told(n=n))
        transaction.posted.clear()
        await transaction.connection.execute(update(messages).values(epoch=epoch, relay_at=0))
    await all_heard(20)
    await eventually(lambda: valkey.do("XLEN", stream) <= 1)
    assert await rows(bus.database, messages) == 20


async def test_full_and_hung_and_back_again(bus: Bus, tmp_path: Path) -> None:
    valkey = Valkey(tmp_path)
    valkey.do("CONFIG", "SET", "maxmemory", "1")
    await say(bus, range(5))
    assert not heard
    valkey.do("CONFIG", "SET", "maxmemory", "0")
    await all_heard(5)

    valkey.hang()
    clock = asyncio.get_running_loop()
    begun = clock.time()
    await say(bus, range(5, 10))
    assert clock.time() - begun < 8
    valkey.go_on()
    begun = clock.time()
    await all_heard(10)
    assert clock.time() - begun < 10


def test_the_subscription_is_a_value() -> None:
    assert isinstance(listen, Subscription)
    assert listen.group == "ears"
