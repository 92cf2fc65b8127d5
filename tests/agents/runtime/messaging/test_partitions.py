"""The line to Redis loses, cuts and crumbles what is said: all of it arrives once, and none stays away."""

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from agents.runtime.context import Runtime
from agents.runtime.messaging import Delivery, answer, subscribe
from agents.runtime.redis.embedded import EmbeddedValkey
from agents.runtime.settings import Settings
from tests.agents.runtime.messaging.mailbox import ADDING, NEWS, Sum, Told, eventually, office
from tests.unsteady_line import MOODS, unsteady_line

pytestmark = pytest.mark.slow

LONGEST = 0.5  # seconds of an episode
SAID = 4  # messages in each
SEED = 9

heard: Counter[int] = Counter()


@subscribe(NEWS, "ears")
async def listen(told: Told, delivery: Delivery) -> None:
    async with delivery.transaction():
        pass
    heard[told.n] += 1


@answer(ADDING)
async def add(told: Told) -> Sum:
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
async def test_whatever_the_line_does_each_message_is_handled_once(
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
    async with unsteady_line(await asyncio.to_thread(server.ensure)) as line:
        url = f"redis://127.0.0.1:{line.port}"
        through = Settings.model_validate(journal_settings.model_dump() | {"redis_url": url})
        async with office(through, listen, add) as bus:
            for episode in range(episodes):
                line.become(rng.choice(MOODS) if episode >= len(MOODS) else MOODS[episode])
                asking = asyncio.create_task(
                    bus.request(ADDING, Told(n=episode), correlation=f"{episode}", seconds=20)
                )
                for n in range(SAID):
                    await bus.publish(NEWS, Told(n=episode * SAID + n))
                await asyncio.sleep(rng.uniform(0.05, LONGEST))
                line.become("well")
                assert (await asking).total == episode + 1
            await eventually(lambda: len(heard) == episodes * SAID)
    assert set(heard.values()) == {1}
    assert line.spoilt > episodes
    server.leave()
