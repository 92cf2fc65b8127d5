"""When an item is done: against a simulated drain, in each order of the queue, on both databases."""

import itertools
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import delete, update

from agents.runtime.context import Runtime
from agents.runtime.journal import item_eta as module
from agents.runtime.journal import queue_admin
from agents.runtime.journal.database import now
from agents.runtime.journal.eta import queue_eta
from agents.runtime.journal.item_eta import ItemEta, item_eta
from agents.runtime.journal.queries import item_history
from agents.runtime.journal.schema import items, queues
from agents.runtime.model.forecast import Expected, Forecast
from tests.agents.runtime.journal.histories import ENDED, HELD, WAITS, History

SECONDS = (2.0, 8.0, 3.0, 40.0, 1.0, 5.0, 20.0, 1.0, 9.0, 11.0)


def forecast(seconds: float) -> dict[str, Any]:
    """The columns of an item that certainly takes these seconds, in two equal steps."""
    half = Expected(seconds / 2, seconds / 2, seconds / 2)
    whole = Expected(seconds, seconds, seconds)
    return Forecast(whole, {"first": half, "second": half}, "m", seconds).columns()


@pytest.fixture
async def past(opened: Runtime) -> AsyncIterator[History]:
    written = History(opened.journal)
    await written.pace(1_000.0, mean=0.002)  # two seconds of work a second, measured well
    await written.write(queues.insert().values(scenario="jobs", virtual=0.0, at=0.0))
    for place, seconds in enumerate(SECONDS):
        await written.add(1, WAITS, rank=float(place), tenant="default", **forecast(seconds))
    yield written
    await written.write(delete(items))


async def eta(past: History, key: str) -> ItemEta | None:
    found = await item_history(past.journal, "jobs", key)
    assert found is not None
    return await item_eta(past.database, found)


async def p50s(past: History) -> list[float]:
    found = [await eta(past, f"k{place}") for place in range(len(SECONDS))]
    return [one.interval.p50 for one in found if one is not None and one.interval is not None]


def drained(order: list[int]) -> list[float]:
    """When each item is done that one consumer, doing two seconds of work in one, serves in this order.

    The item itself is not shared, so its own work takes as long as it is.
    """
    ahead = itertools.accumulate((SECONDS[place] for place in order), initial=0.0)
    ends = {place: at / 2.0 + SECONDS[place] for place, at in zip(order, ahead, strict=False)}
    return [ends[place] for place in range(len(SECONDS))]


async def test_items_are_done_as_in_a_simulated_drain(past: History) -> None:
    await past.consumer("a")
    fifo = list(range(len(SECONDS)))
    assert await p50s(past) == pytest.approx(drained(fifo), rel=0.01)
    await past.write(update(queues).values(shortest_first=True))
    shortest = sorted(fifo, key=lambda place: (SECONDS[place], place))
    assert await p50s(past) == pytest.approx(drained(shortest), rel=0.01)
    found = await queue_eta(past.database, "jobs")
    assert found.interval is not None
    assert found.interval.p50 == pytest.approx(sum(SECONDS) / 2)
    assert found.in_words() == "drained in 50 s by 1 consumer"


async def test_other_tenants_keep_their_places(past: History) -> None:
    await past.consumer("a")
    await past.write(update(queues).values(shortest_first=True))
    await past.write(update(items).where(items.c.key == "k0").values(tenant="other"))
    found = await eta(past, "k4")  # the first of its group, which has the second place
    assert found is not None
    assert (found.ahead, found.at_least) == (1, False)
    assert found.in_words() == "in 2 s, after 1 other"


async def test_what_is_held_and_what_is_done_counts(past: History) -> None:
    await past.consumer("a")
    await past.add(1, HELD, owner="a", tenant="default", **forecast(100.0))
    first = (await p50s(past))[0]
    assert first == pytest.approx(100.0 * 0.5 / 2.0 + 2.0, rel=0.01)
    found = await eta(past, f"k{len(SECONDS)}")
    assert found is not None
    assert found.interval is not None
    assert found.interval.p50 == pytest.approx(100.0, abs=5)


async def test_why_there_is_no_time(past: History, monkeypatch: pytest.MonkeyPatch) -> None:
    async def reason(**changed: Any) -> str:
        if changed:
            await past.write(update(items).where(items.c.key == "k3").values(**changed))
        found = await eta(past, "k3")
        return "" if found is None else found.in_words()

    assert await reason() == "no consumer runs"
    await past.consumer("a")
    monkeypatch.setattr(module, "MOST_AHEAD", 2)
    assert await reason() == "in at least 45 s, after 2 others"
    await queue_admin.pause(past.journal, "jobs", "ann", "stocktaking")
    assert await reason() == "its queue is paused"
    assert await reason(state="waiting") == "it waits for other items"
    assert await reason(waiting_since=time.time()) == "it waits for a person"
    assert await reason(state="compensating", waiting_since=None) == "it is being undone"
    assert await reason(**ENDED, waiting_since=None, ended_at=now()) == ""


async def test_a_delayed_item_goes_on_when_it_is_due(past: History) -> None:
    await past.consumer("a")
    await past.write(update(items).where(items.c.key == "k2").values(retry_at=now() + 500.0))
    found = await eta(past, "k2")
    assert found is not None
    assert found.interval is not None
    assert found.interval.p50 == pytest.approx(503.0, abs=2)
