"""The network to Redis drops data and resets connections: each message is handled once, none is lost."""

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from agents.runtime.context import Runtime
from agents.runtime.messaging import Delivery, answer, subscribe
from agents.runtime.redis.embedded import EmbeddedValkey
from agents.runtime.settings import Settings
from tests.agents.runtime.messaging.mailbox import ADDING, NEWS, Note, Sum, eventually, serving_bus
from tests.flaky_network import FAULT_MODES, flaky_network

pytestmark = pytest.mark.slow

MAX_SECONDS = 0.5  # of an episode
MESSAGES = 4  # per episode
SEED = 9

heard: Counter[int] = Counter()


@subscribe(NEWS, "ears")
async def listen(told: Note, delivery: Delivery) -> None:
    async with delivery.transaction():
        pass
    heard[told.n] += 1


@answer(ADDING)
async def add(told: Note) -> Sum:
    return Sum(total=told.n + 1)


@pytest.mark.parametrize(
    "journal_url,episodes",
    [
        ("sqlite", 5),
        pytest.param("sqlite", 50, marks=pytest.mark.campaign),
        pytest.param("postgresql", 50, marks=pytest.mark.campaign),
    ],
    indirect=["journal_url"],
)
@pytest.mark.campaign
async def test_each_message_is_handled_once_over_a_flaky_network(
    opened: Runtime,
    journal_settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    episodes: int,
) -> None:
    monkeypatch.setattr("agents.runtime.messaging.bus.SWEEP_SECONDS", 0.5)
    monkeypatch.setattr("agents.runtime.messaging.maintenance.SETTLED_SECONDS", 0.5)
    heard.clear()
    rng, server = Random(SEED), EmbeddedValkey(tmp_path)
    async with flaky_network(await asyncio.to_thread(server.ensure)) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}"
        through = Settings.model_validate(journal_settings.model_dump() | {"redis_url": url})
        async with serving_bus(through, listen, add) as bus:
            for episode in range(episodes):
                is_new = episode < len(FAULT_MODES)
                proxy.set_mode(FAULT_MODES[episode] if is_new else rng.choice(FAULT_MODES))
                asking = asyncio.create_task(
                    bus.request(ADDING, Note(n=episode), correlation=f"{episode}", seconds=20)
                )
                for n in range(MESSAGES):
                    await bus.publish(NEWS, Note(n=episode * MESSAGES + n))
                await asyncio.sleep(rng.uniform(0.05, MAX_SECONDS))
                proxy.set_mode("healthy")
                assert (await asking).total == episode + 1
            await eventually(lambda: len(heard) == episodes * MESSAGES)
    assert set(heard.values()) == {1}
    assert proxy.fault_count > episodes
    server.leave()
