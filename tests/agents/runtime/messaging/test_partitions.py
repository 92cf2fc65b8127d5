"""If the connection to Redis drops, cuts or corrupts data, every message is still handled once."""

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
from tests.unsteady_line import MOODS, unsteady_line

pytestmark = pytest.mark.slow

LONGEST = 0.5  # seconds of an episode
MESSAGES = 4  # messages in each
SEED = 9

received: Counter[int] = Counter()


@subscribe(NEWS, "ears")
async def listen(note: Note, delivery: Delivery) -> None:
    async with delivery.transaction():
        pass
    received[note.n] += 1


@answer(ADDING)
async def add(note: Note) -> Sum:
    return Sum(total=note.n + 1)


@pytest.mark.parametrize(
    "journal_url,episodes",
    [
        ("sqlite", 5),
        pytest.param("sqlite", 50, marks=pytest.mark.campaign),
        pytest.param("postgresql", 50, marks=pytest.mark.campaign),
    ],
    indirect=["journal_url"],
)
async def test_every_message_is_handled_once_over_an_unreliable_connection(
    opened: Runtime,
    journal_settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    episodes: int,
) -> None:
    monkeypatch.setattr("agents.runtime.messaging.bus.SWEEP_SECONDS", 0.5)
    monkeypatch.setattr("agents.runtime.messaging.maintenance.SETTLED_SECONDS", 0.5)
    received.clear()
    rng, server = Random(SEED), EmbeddedValkey(tmp_path)
    async with unsteady_line(await asyncio.to_thread(server.ensure)) as line:
        url = f"redis://127.0.0.1:{line.port}"
        through = Settings.model_validate(journal_settings.model_dump() | {"redis_url": url})
        async with serving_bus(through, listen, add) as bus:
            for episode in range(episodes):
                line.become(rng.choice(MOODS) if episode >= len(MOODS) else MOODS[episode])
                asking = asyncio.create_task(
                    bus.request(ADDING, Note(n=episode), correlation=f"{episode}", seconds=20)
                )
                for n in range(MESSAGES):
                    await bus.publish(NEWS, Note(n=episode * MESSAGES + n))
                await asyncio.sleep(rng.uniform(0.05, LONGEST))
                line.become("well")
                assert (await asking).total == episode + 1
            await eventually(lambda: len(received) == episodes * MESSAGES)
    assert set(received.values()) == {1}
    assert line.spoilt > episodes
    server.leave()
