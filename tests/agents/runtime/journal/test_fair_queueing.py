"""The order of a queue: tenants share evenly, urgent items go first, and no item waits for ever."""

from collections import Counter

from sqlalchemy import update

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.journal.fair_queueing import HEAD_START, SPACING, Priority
from agents.runtime.journal.queue import Queue, claim_first
from agents.runtime.journal.schema import queues, shares
from agents.runtime.journal.submit import NewItem, Sender, accept
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import new_items, rows


async def send(
    journal: Runtime, tenant: str, count: int, priority: Priority = Priority.NORMAL, name: str = ""
) -> None:
    keys = [f"{name}{tenant}-{priority}-{n}" for n in range(count)]
    new = [NewItem(i.key, i.body, i.body_hash, i.trace, priority) for i in new_items(keys)]
    await accept(journal.journal.database, Sender(tenant, "jobs", "1"), new)


async def next_keys(journal: Runtime, most: int) -> list[str]:
    return [
        row.key
        for row in await claim_first(
            journal.journal.database, journal.lease.id, Queue("jobs"), most
        )
    ]


async def pass_seconds(journal: Runtime, seconds: float) -> None:
    """Move the queue's clock forward."""
    async with journal.journal.database.write() as connection:
        await connection.execute(update(queues).values(at=queues.c.at - seconds))


def jain(shares_of: Counter[str]) -> float:
    """Jain's fairness index: 1 if all have the same. Source: R. Jain et al., DEC-TR-301, 1984."""
    counts = list(shares_of.values())
    return sum(counts) ** 2 / (len(counts) * sum(count**2 for count in counts))


async def test_waiting_tenants_share_evenly_whatever_they_sent(opened: Runtime) -> None:
    for tenant, count in (("a", 900), ("b", 300), ("c", 300), ("d", 600)):
        await send(opened, tenant, count)
    served = Counter[str]()
    for _ in range(10):
        served.update(key[0] for key in await next_keys(opened, 100))
        assert jain(served) > 0.95
    assert set(served) == set("abcd")


async def test_a_late_tenant_gets_an_even_share_from_then_on(
    opened: Runtime,
) -> None:
    await send(opened, "a", 500)
    await next_keys(opened, 300)
    await send(opened, "b", 200)
    served = Counter(key[0] for key in await next_keys(opened, 200))
    assert jain(served) > 0.95


async def test_use_of_an_idle_queue_is_not_charged(opened: Runtime) -> None:
    await send(opened, "a", 400)
    await next_keys(opened, 400)
    await send(opened, "b", 100)
    await send(opened, "a", 100, name="again-")
    served = Counter(
        "a" if key.startswith("again") else "b" for key in await next_keys(opened, 100)
    )
    assert jain(served) > 0.95


async def test_urgent_items_go_first_and_low_ones_last(opened: Runtime) -> None:
    for priority in (Priority.LOW, Priority.NORMAL, Priority.HIGH, Priority.URGENT):
        await send(opened, "a", 5, priority)
    found = [key.split("-")[1] for key in await next_keys(opened, 20)]
    assert found == [name for name in ("urgent", "high", "normal", "low") for _ in range(5)]


async def test_endless_urgent_items_overtake_for_at_most_their_head_start(
    opened: Runtime,
) -> None:
    """Items of one tenant are bounded by their number, those of new tenants by the clock."""
    await send(opened, "patient", 1)
    most = int(HEAD_START[Priority.URGENT] / SPACING)
    waited = 0
    while waited <= 2 * most:
        await send(opened, "pushy", 500, Priority.URGENT, name=f"{waited}-")
        keys = await next_keys(opened, 400)
        waited += len(keys)
        if any("patient" in key for key in keys):
            break
    assert most - 500 <= waited <= most + 500


async def test_urgent_items_of_new_tenants_are_bounded_by_the_clock(opened: Runtime) -> None:
    await send(opened, "patient", 1)
    await send(opened, "first", 1, Priority.URGENT)
    assert await next_keys(opened, 1) == ["first-urgent-0"]
    await pass_seconds(opened, HEAD_START[Priority.URGENT] - 60)
    await send(opened, "second", 1, Priority.URGENT)
    assert await next_keys(opened, 1) == ["second-urgent-0"]
    await pass_seconds(opened, 120)
    await send(opened, "third", 1, Priority.URGENT)
    assert await next_keys(opened, 1) == ["patient-normal-0"]


async def test_known_items_take_nothing_of_the_tenants_share(opened: Runtime) -> None:
    await send(opened, "a", 3)
    (before,) = await rows(shares)
    await send(opened, "a", 3)
    assert await rows(shares) == [before]


async def test_an_item_that_was_handed_back_keeps_its_place(
    journal_settings: Settings, opened: Runtime
) -> None:
    await send(opened, "a", 3)
    async with open_runtime(journal_settings) as leaving:
        assert await next_keys(leaving, 1) == ["a-normal-0"]
    assert await next_keys(opened, 2) == ["a-normal-0", "a-normal-1"]
