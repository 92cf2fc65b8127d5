"""Rate limits of a queue, or of one of its tenants."""

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import update

from agents.runtime.context import Runtime
from agents.runtime.journal.queue import Queue, claim_first
from agents.runtime.journal.queue_admin import BadRate, RateLimit, limit_rate
from agents.runtime.journal.rate_limits import Bucket
from agents.runtime.journal.schema import items, rates
from tests.agents.runtime.jobs import rows
from tests.agents.runtime.journal.test_fair_queueing import next_keys, send


def bucket(at: float, due_at: float = 0.0, turn_at: float = 0.0, burst: int = 1) -> Bucket:
    row: Any = SimpleNamespace(at=at, per_second=2.0, burst=burst, due_at=due_at, turn_at=turn_at)
    return Bucket(row)


async def pass_seconds(journal: Runtime, seconds: float) -> None:
    """Move the clock forward for the rates and for the items that they keep back."""
    async with journal.journal.database.write() as connection:
        earlier = {"due_at": rates.c.due_at - seconds, "turn_at": rates.c.turn_at - seconds}
        await connection.execute(update(rates).values(**earlier))
        await connection.execute(update(items).values(retry_at=items.c.retry_at - seconds))


def test_a_bucket_admits_a_burst_and_then_one_item_for_each_gap() -> None:
    full = bucket(100.0, burst=3)
    for _ in range(3):
        assert full.wait() <= 0
        full.take()
    assert full.wait() == pytest.approx(0.5)
    assert [full.next_turn(), full.next_turn()] == pytest.approx([100.5, 101.0])


def test_an_unused_rate_admits_one_burst_and_no_more() -> None:
    unused = bucket(1_000.0, due_at=10.0, burst=2)
    for _ in range(2):
        unused.take()
    assert unused.wait() == pytest.approx(0.5)


async def limit(opened: Runtime, **values: Any) -> None:
    await limit_rate(opened.journal, "jobs", RateLimit(**values), "ann", "a campaign")


async def test_a_queue_hands_out_a_burst_and_keeps_the_rest_in_place(opened: Runtime) -> None:
    await send(opened, "a", 10)
    await limit(opened, per_second=0.1, burst=3)
    assert await next_keys(opened, 10) == [f"a-normal-{n}" for n in range(3)]
    assert await next_keys(opened, 10) == []
    await pass_seconds(opened, 21)
    assert await next_keys(opened, 10) == ["a-normal-3", "a-normal-4"]
    await limit(opened, per_second=None)
    assert len(await next_keys(opened, 10)) == 5


async def test_a_tenant_beyond_its_rate_blocks_no_other(opened: Runtime) -> None:
    await send(opened, "fast", 50)
    await send(opened, "calm", 5)
    await limit(opened, per_second=0.1, burst=2, tenant="fast")
    found: list[str] = []
    for _ in range(20):
        found += await next_keys(opened, 10)
    assert sorted(found) == [
        *(f"calm-normal-{n}" for n in range(5)),
        *(f"fast-normal-{n}" for n in range(2)),
    ]
    due = sorted(row.retry_at for row in await rows(items) if row.retry_at is not None)
    assert len(due) == 48
    assert due[-1] - due[0] == pytest.approx(470, abs=2)
    await pass_seconds(opened, 31)  # three have come due, and a burst is two
    assert len(await next_keys(opened, 10) + await next_keys(opened, 10)) == 2
    await pass_seconds(opened, 11)
    assert len(await next_keys(opened, 10)) == 1


@pytest.mark.parametrize("bad", [{"per_second": 0}, {"per_second": -1}, {"burst": 0}])
async def test_a_rate_that_admits_nothing_is_refused(opened: Runtime, bad: dict[str, Any]) -> None:
    with pytest.raises(BadRate, match="to stop a queue, pause it"):
        await limit(opened, **({"per_second": 1.0} | bad))
    assert await claim_first(opened.journal.database, opened.lease.id, Queue("jobs")) == []
