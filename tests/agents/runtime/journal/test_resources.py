"""Resources in the journal: taken all or nothing, given back, waited for in line."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import insert, update

from agents.runtime.context import Runtime, open_runtime, runtime
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.capacity_admin import (
    CapacitySetting,
    declare,
    differences,
    remove_capacity,
    set_capacity,
)
from agents.runtime.journal.resource_use import usage
from agents.runtime.journal.resources import give_back_all
from agents.runtime.journal.scheduling_schema import (
    capacities,
    holdings,
    quota_uses,
    resource_waits,
)
from agents.runtime.journal.schema import items, owners, steps
from agents.runtime.model.batch import Batch
from agents.runtime.model.policies import READ
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    Job,
    Made,
    batch_of,
    crashing_runtime,
    jobs,
    rows,
    run,
    states,
)

TABLES = ("capacities", "holdings", "resource_waits", "quota_uses")


async def there_are(amount: float, resource: str = "cpu", **more: Any) -> set[str]:
    """Set a capacity; returns the scenarios of the items that are due by it."""
    setting = CapacitySetting(resource, amount, **more)
    return await set_capacity(runtime().journal, setting, "ann", "test")


async def another_holds(amount: float, *, alive: bool = True, resource: str = "cpu") -> str:
    """Let another process hold an amount for an item of its own; returns its name."""
    other = "other"
    async with runtime().journal.database.write() as connection:
        beat = (await connection.execute(owners.select())).first()
        assert beat is not None
        row = {"host": "h", "pid": 1, "lease": 60.0, "flow_run": None}
        at = beat.beat_at if alive else 1.0
        await connection.execute(insert(owners).values(id=other, beat_at=at, **row))
        [item] = (await connection.execute(items.select().limit(1))).all()
        held = {"resource": resource, "tenant": item.tenant, "item": item.id, "agent": "theirs"}
        held |= {"amount": amount, "owner": other, "fence": item.fence, "at": beat.beat_at}
        await connection.execute(insert(holdings).values(**held))
    return other


def working(busy: list[float], takes: Any) -> Any:
    """An agent that adds up in `busy` what runs now and what ran at most."""

    @agent(READ, takes=takes)
    async def work(job: Job) -> Made:
        amount = takes(job) if callable(takes) else takes
        busy[0] += amount["cpu"]
        busy[1] = max(busy)
        await asyncio.sleep(0.01)
        busy[0] -= amount["cpu"]
        return Made(by="work")

    return work


def uneven(job: Job) -> Mapping[str, float]:
    return {"cpu": 1 + job.n % 3}


async def test_never_more_runs_than_the_capacity_allows(opened: Runtime) -> None:
    await there_are(4)
    busy = [0.0, 0.0]
    await run(jobs(20), working(busy, uneven))
    assert busy == [0.0, 4.0]
    assert set((await states()).values()) == {"completed"}
    assert await rows(holdings) == await rows(resource_waits) == []


@pytest.mark.slow
async def test_two_processes_share_a_capacity(journal_settings: Settings) -> None:
    busy = [0.0, 0.0]
    work = working(busy, uneven)

    async def one(first: int) -> None:
        async with open_runtime(journal_settings):
            await there_are(4)
            await run([Job(key=f"{first}-{n}", n=n) for n in range(4)], work)

    await asyncio.gather(one(1), one(2))
    assert busy == [0.0, 4.0]
    async with open_runtime(journal_settings):
        assert set((await states()).values()) == {"completed"}
        assert await rows(holdings) == await rows(resource_waits) == []


async def test_an_item_that_waits_leaves_uses_no_attempt_and_is_due_when_given_back(
    opened: Runtime,
) -> None:
    await there_are(4)
    batch = await batch_of(jobs(2))
    other = await another_holds(3)
    left = await working([0.0, 0.0], {"cpu": 2})(batch)
    assert left.count == 0
    [first, second] = await rows(items)
    assert {first.state, second.state} == {"pending"}
    assert [row.attempts for row in await rows(steps)] == [0, 0]
    assert [row.amount for row in await rows(resource_waits)] == [2.0, 2.0]
    async with opened.journal.database.write() as connection:
        assert await give_back_all(connection, [other]) == {"jobs"}
    [use] = await usage(opened.journal.database)
    assert (use.used, use.waiting, use.reserved) == (0.0, 2, 2.0)
    assert use.first is not None
    assert (use.first.key, use.first.agent) == ("job-0000", "work")
    assert all(
        row.retry_at is not None and row.retry_at <= first.retry_at for row in await rows(items)
    )
    busy = [0.0, 0.0]
    await run(jobs(2), working(busy, {"cpu": 2}))
    assert busy == [0.0, 4.0]
    assert await rows(resource_waits) == []


async def test_what_a_dead_process_holds_counts_no_more(opened: Runtime) -> None:
    await there_are(4)
    batch = await batch_of(jobs(1))
    await another_holds(4, alive=False)
    assert (await working([0.0, 0.0], {"cpu": 4})(batch)).count == 1
    assert await rows(holdings) == []


@pytest.mark.slow
async def test_what_a_dead_process_used_of_a_quota_stays_used(opened: Runtime) -> None:
    await there_are(4, "calls", window_seconds=60.0)
    batch = await batch_of(jobs(1))
    await another_holds(3, alive=False, resource="calls")

    @agent(READ, takes={"calls": 2})
    async def call(job: Job) -> Made:
        return Made(by="call")

    assert (await call(batch)).count == 0
    assert [row.amount for row in await rows(quota_uses)] == [3.0]
    [item] = await rows(items)
    [wait] = await rows(resource_waits)
    assert 55 < item.retry_at - wait.since <= 66  # when the window of those calls is over


async def test_who_takes_an_item_over_gives_back_what_the_crashed_owner_held(
    journal_settings: Settings,
) -> None:
    batch: Batch

    async with crashing_runtime(journal_settings) as crashed:
        await there_are(4)
        batch = await batch_of(jobs(1))
        async with crashed.journal.database.write() as connection:
            await connection.execute(
                insert(holdings).values(
                    resource="cpu", tenant="default", item=batch.peek()[0].id, agent="work",
                    amount=4.0, owner=crashed.lease.id, fence=batch.peek()[0].fence, at=1.0,
                )
            )  # fmt: skip
    async with open_runtime(journal_settings):
        await run(jobs(1), working([0.0, 0.0], {"cpu": 4}))
        assert await states() == {"job-0000": "completed"}
        assert await rows(holdings) == []


@pytest.mark.slow
async def test_after_the_clock_was_set_back_waits_and_uses_begin_now(opened: Runtime) -> None:
    """Times from before lie an hour ahead: they keep nobody waiting for that hour."""
    await there_are(4, "calls", window_seconds=60.0)
    batch = await batch_of(jobs(2))
    await another_holds(3, alive=False, resource="calls")

    @agent(READ, takes={"calls": 2})
    async def call(job: Job) -> Made:
        return Made(by="call")

    await call(batch)
    async with opened.journal.database.write() as connection:
        for column in (resource_waits.c.since, resource_waits.c.until):
            await connection.execute(update(resource_waits).values({column: column + 3_600}))
        await connection.execute(update(quota_uses).values(until=quota_uses.c.until + 3_600))
        await connection.execute(update(items).values(retry_at=None))
    before = max(row.since for row in await rows(resource_waits))
    await call(await batch_of(jobs(2)))
    assert max(row.since for row in await rows(resource_waits)) < before - 3_000
    [use] = await rows(quota_uses)
    [item, _] = await rows(items)
    assert use.until - item.retry_at < 70


async def declaring(opened: Runtime, declared: list[CapacitySetting]) -> list[str]:
    async with opened.journal.database.write() as connection:
        return await declare(connection, declared)


@pytest.mark.slow
async def test_raising_a_capacity_lets_those_be_due_that_wait(opened: Runtime) -> None:
    await there_are(4)
    batch = await batch_of(jobs(1))
    await another_holds(3)
    await working([0.0, 0.0], {"cpu": 2})(batch)
    assert await there_are(4.5) == set()
    assert await there_are(5) == {"jobs"}
    [change] = [row for row in await rows(capacities) if row.resource == "cpu"]
    assert (change.amount, change.set_by) == (5.0, "ann")
    async with opened.journal.database.write() as connection:
        await give_back_all(connection, ["other"])
    assert await remove_capacity(opened.journal, "cpu", "", "ann", "test") == set()


async def test_a_deployment_keeps_what_an_operator_has_set(opened: Runtime) -> None:
    declared = [CapacitySetting("cpu", 2.0), CapacitySetting("calls", 60.0, "", 60.0)]
    set_both = ["set capacity cpu 2", "set capacity calls 60 in 60 s"]
    assert await declaring(opened, declared) == set_both
    assert await declaring(opened, declared) == []
    assert await differences(opened.journal.database, declared) == []
    await there_are(8)
    declared[0] = CapacitySetting("cpu", 3.0)
    assert await declaring(opened, declared) == []
    assert await differences(opened.journal.database, declared) == [
        "cpu 8, set by ann; declared is cpu 3"
    ]
    gone = "remove capacity calls 60 in 60 s, which is no longer declared"
    assert await declaring(opened, []) == [gone]
    assert [row.resource for row in await rows(capacities)] == ["cpu"]
