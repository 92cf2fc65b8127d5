"""The queue hands out each item once, in the order of rank, and claims do not slow with its length."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import Row, select, text

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.journal.claims import claim
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.journal.queue import Queue, claim_first, due_outside_queue
from agents.runtime.journal.schema import items
from agents.runtime.journal.submit import Disposition, NewItem, Sender, accept
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import change, crashing_runtime, new_items, rows

CLAIMERS = 4


async def enqueue(
    journal: Runtime, keys: Sequence[str], tenant: str = "t", priority: Priority = Priority.NORMAL
) -> None:
    new = [
        NewItem(item.key, item.body, item.body_hash, item.trace, priority)
        for item in new_items(keys)
    ]
    for start in range(0, len(new), 500):
        sender = Sender(tenant, "jobs", "1")
        answers = await accept(journal.journal.database, sender, new[start : start + 500])
        assert {answer.disposition for answer in answers} == {Disposition.QUEUED}


async def claimed(journal: Runtime, most: int = 256) -> list[Row[tuple[object, ...]]]:
    return await claim_first(journal.journal.database, journal.lease.id, Queue("jobs"), most)


async def test_items_are_claimed_in_the_order_of_their_acceptance(opened: Runtime) -> None:
    await enqueue(opened, [f"k{n:02}" for n in range(30)])
    taken = [row.key for _ in range(4) for row in await claimed(opened, 10)]
    assert taken == [f"k{n:02}" for n in range(30)]
    assert {row.fence for row in await rows(items)} == {1}


async def test_the_same_item_is_queued_only_once(opened: Runtime) -> None:
    await enqueue(opened, ["a"])
    sender = Sender("t", "jobs", "1")
    (again,) = await accept(opened.journal.database, sender, new_items(["a"]))
    (other,) = await accept(opened.journal.database, sender, new_items(["a"], '{"n":2}'))
    assert [again.disposition, other.disposition] == [Disposition.BUSY, Disposition.CONFLICT]
    assert len(await claimed(opened)) == 1


async def test_a_claim_of_nothing_waits_for_no_writer(opened: Runtime) -> None:
    await claimed(opened)  # the queue is known from now on
    if not opened.journal.database.is_sqlite:
        pytest.skip("writers do not exclude each other there")
    other = opened.journal.database.again()
    async with other.write(), asyncio.timeout(5):
        assert (
            await claim_first(opened.journal.database, opened.lease.id, Queue("jobs"), 256, 0) == []
        )
    await other.close()
    await enqueue(opened, ["a", "b"])
    found = await claim_first(opened.journal.database, opened.lease.id, Queue("jobs"), 256, 0)
    assert [row.key for row in found] == ["a", "b"]


@pytest.mark.slow
async def test_ten_thousand_items_and_four_claimers_without_an_inversion(
    journal_settings: Settings, opened: Runtime
) -> None:
    """No claim takes an item while an earlier item, which it could have taken, is left."""
    for tenant in "abcd":
        for priority in Priority:
            keys = [f"{tenant}-{priority}-{n}" for n in range(625)]
            await enqueue(opened, keys, tenant, priority)
    claims: list[tuple[float, float, list[float]]] = []

    async def claimer(mine: Runtime) -> None:
        while found := await timed(mine):
            claims.append(found)

    async def timed(mine: Runtime) -> tuple[float, float, list[float]] | None:
        begun, found = time.monotonic(), await claimed(mine, 100)
        return (begun, time.monotonic(), [row.rank for row in found]) if found else None

    async with AsyncExitStack() as stack:
        several = [
            await stack.enter_async_context(open_runtime(journal_settings)) for _ in range(CLAIMERS)
        ]
        await asyncio.gather(*(claimer(mine) for mine in several))
    assert sum(len(ranks) for _, _, ranks in claims) == 10_000
    for begun, _, ranks in claims:
        before = [max(others) for _, ended, others in claims if ended < begun]
        assert min(ranks) >= max(before, default=min(ranks))


async def test_a_delayed_item_blocks_no_other_and_keeps_its_place(
    opened: Runtime,
) -> None:
    await enqueue(opened, ["a", "b", "c"])
    await change("a", retry_at=time.time() + 60)
    assert [row.key for row in await claimed(opened, 1)] == ["b"]
    await change("a", retry_at=time.time() - 1)
    assert [row.key for row in await claimed(opened)] == ["a", "c"]


async def test_suspected_items_and_items_of_crashed_owners_are_outside_the_queue(
    journal_settings: Settings,
) -> None:
    async with crashing_runtime(journal_settings) as crashed:
        await enqueue(crashed, ["a", "b", "c", "d"])
        assert [row.key for row in await claimed(crashed, 2)] == ["a", "b"]
        await change("c", crash_count=1)
    async with open_runtime(journal_settings) as opened:
        assert [row.key for row in await claimed(opened)] == ["d"]
        ids = await due_outside_queue(opened.journal.database, Queue("jobs"))
        assert len(ids) == 3
        async with opened.journal.database.write() as connection:
            taken = await claim(connection, opened.lease.id, ids)
        assert {row.key for row in taken} == {"a", "b", "c"}
        assert await due_outside_queue(opened.journal.database, Queue("jobs")) == []


async def test_items_of_living_processes_are_not_due_outside_the_queue(opened: Runtime) -> None:
    await enqueue(opened, ["a"])
    await claimed(opened)
    assert await due_outside_queue(opened.journal.database, Queue("jobs")) == []


@pytest.mark.parametrize(
    "query", ["claim", "claim of two versions", "claim by forecast", "due", "too late", "state"]
)
async def test_a_claim_reads_the_front_of_an_index_only(sqlite_url: str, query: str) -> None:
    """Without statistics too, the plan neither scans nor sorts the items that wait."""
    from agents.runtime.journal import precedence, queue  # noqa: PLC0415
    from agents.runtime.journal.database import Database  # noqa: PLC0415

    database = Database(sqlite_url)
    await database.migrate()
    due, too_late = queue._requeue_due()
    statement = {
        "claim": queue._first_ready(1),
        "claim of two versions": queue._first_ready(2),
        "claim by forecast": queue._first_ready(1, *precedence.PLACE, in_place=True),
        "due": due,
        "too late": too_late,
        "state": queue._queue_state_query(),
    }[query]
    sql = str(statement.compile(dialect=database.engine.dialect))
    async with database.read() as connection:
        values = tuple("jobs" if "scenario" in part else 5 for part in sql.split("?")[:-1])
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)).all()
    await database.close()
    steps = [str(row[-1]) for row in plan]
    assert not [step for step in steps if "SCAN items" in step], steps
    if query.startswith("claim"):
        fronts = [
            step for step in steps if "items_ready_by_version (scenario=? AND major=?)" in step
        ]
        assert len(fronts) == (2 if "two" in query else 1), steps
        # Only the fronts of two versions are merged by a sort.
        assert sum("TEMP B-TREE" in step for step in steps) == len(fronts) - 1, steps
    assert Counter(steps)


@pytest.mark.slow
async def test_postgresql_reads_the_front_of_each_versions_queue(postgresql_url: str) -> None:
    """A hundred thousand items of another version wait before the ten that are claimed."""
    from agents.runtime.journal import queue  # noqa: PLC0415
    from agents.runtime.journal.database import Database  # noqa: PLC0415

    database = Database(postgresql_url)
    await database.migrate()
    many = """INSERT INTO items (tenant, scenario, version, major, key, priority, rank, trace,
     body_hash, body, state, fence, deaths, sequence, cancel_requested, accepted_at)
     SELECT 't', 'jobs', v::text, v, v || '-' || i, 'normal', i, 't', 'h', '{}', 'pending', 0, 0, 1,
     false, 0 FROM generate_series(1, 20000) AS n (i), unnest(ARRAY[1, 3]) AS o (v)
     WHERE v = 3 OR i > 19990"""
    async with database.write() as connection:
        await connection.execute(text(many))
    statement = queue._first_ready(2)
    parameters = queue.Queue("jobs", (1, 2)).parameters(most=5)
    compiled = statement.compile(dialect=database.engine.dialect, compile_kwargs={})
    values = tuple(parameters[name] for name in compiled.positiontup)
    async with database.read() as connection:
        plan = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE) {compiled}", values)
        steps = [str(row[0]) for row in plan]
    await database.close()
    scans = [step for step in steps if "Scan" in step and "items" in step]
    assert len(scans) == 2, steps
    assert all("items_ready_by_version" in step for step in scans), steps
    read = [int(float(re.findall(r"rows=([0-9.]+)", step)[-1])) for step in scans]
    assert sorted(read) == [0, 5], steps


async def test_a_claim_takes_the_versions_that_are_asked_for_in_the_order_of_rank(
    opened: Runtime,
) -> None:
    for number, version in enumerate(("1", "2", "1.4", "3", "2.1")):
        sender = Sender("t", "jobs", version)
        await accept(opened.journal.database, sender, new_items([f"{number}-{version}"]))
    database, owner = opened.journal.database, opened.lease.id
    assert [row.major for row in await rows(items)] == [1, 2, 1, 3, 2]
    first = await claim_first(database, owner, Queue("jobs", (1, 2)), 3)
    assert [row.key for row in first] == ["0-1", "1-2", "2-1.4"]
    assert [row.key for row in await claim_first(database, owner, Queue("jobs", (1, 2)))] == [
        "4-2.1"
    ]
    assert [row.key for row in await claim_first(database, owner, Queue("jobs", (3,)))] == ["3-3"]


async def test_other_versions_are_not_due_outside_the_queue_either(
    journal_settings: Settings,
) -> None:
    async with crashing_runtime(journal_settings) as crashed:
        for version in ("1", "2"):
            sender = Sender("t", "jobs", version)
            await accept(crashed.journal.database, sender, new_items([version]), crashed.lease.id)
    async with open_runtime(journal_settings) as opened:
        database = opened.journal.database
        (first,) = await due_outside_queue(database, Queue("jobs", (1,)))
        (second,) = await due_outside_queue(database, Queue("jobs", (2,)))
        async with database.write() as connection:
            taken = await claim(connection, opened.lease.id, [first, second], majors=(2,))
        assert [row.key for row in taken] == ["2"]


async def test_items_of_other_scenarios_are_not_claimed(opened: Runtime) -> None:
    await accept(opened.journal.database, Sender("t", "other", "1"), new_items(["a"]))
    assert await claimed(opened) == []
    async with opened.journal.database.read() as connection:
        assert await connection.scalar(select(items.c.owner)) is None
