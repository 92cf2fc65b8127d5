"""Of an item that ended long ago only one row is kept, by which it is recognised."""

import pytest
from sqlalchemy import delete

from agents.runtime.context import Runtime
from agents.runtime.errors import Parked
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.pruning import ABOUT_ITEMS, prune
from agents.runtime.journal.schema import items, messages, outbox, positions
from agents.runtime.messaging.connection import publish
from agents.runtime.model.message import Topic
from agents.runtime.model.policies import PURE
from tests.agents.runtime.jobs import Job, change, jobs, rows, run, with_notices

DAY = 86_400.0
SAID = Topic("tests.said", Job)


@agent(PURE)
def look_or_ask(job: Job) -> None:
    if job.n == 2:
        raise Parked("may I?")
    if job.n == 3:
        raise RuntimeError("a bug")


async def old(opened: Runtime) -> None:
    """Two jobs that ended two days ago, one that waits, and one dead letter of two days ago."""
    await run(jobs(4), look_or_ask)
    for row in await rows(items):
        if row.ended_at is not None:
            await change(row.key, ended_at=row.ended_at - 2 * DAY)
    assert opened.lease.remaining() > 0


async def test_only_items_that_ended_long_ago_are_pruned(opened: Runtime) -> None:
    await old(opened)
    for key in ("job-0000", "job-0001", "job-0002"):
        await change(key, customer="yara_ito_8499")
    assert await prune(opened.journal, "jobs", older_than=3 * DAY) == 0
    assert await prune(opened.journal, "jobs", older_than=DAY) == 2
    assert await prune(opened.journal, "jobs", older_than=DAY) == 0
    kept = {row.key: row for row in await rows(items)}
    assert [key for key, row in kept.items() if row.body] == ["job-0002", "job-0003"]
    assert [key for key, row in kept.items() if row.customer] == ["job-0002"]
    left = {kept["job-0002"].id, kept["job-0003"].id}
    for table in ABOUT_ITEMS:
        assert {row.item for row in await rows(table)} <= left


async def test_items_of_other_tenants_are_pruned_too(opened: Runtime) -> None:
    await old(opened)
    await change("job-0000", tenant="another")
    assert await prune(opened.journal, "jobs", older_than=DAY) == 2


async def test_a_pruned_item_is_still_recognised(opened: Runtime) -> None:
    await old(opened)
    await prune(opened.journal, "jobs", older_than=DAY)
    again = await run(jobs(2), look_or_ask)
    assert again.outcomes == {"already done": 2}
    changed = await run([Job(key="job-0000", text="other")], look_or_ask)
    assert changed.outcomes == {"rejected": 1}


async def test_the_number_of_an_items_last_message_is_pruned_after_its_messages(
    opened: Runtime,
) -> None:
    await old(opened)
    ended = [row.id for row in await rows(items) if row.ended_at is not None]
    async with opened.journal.database.write() as connection:
        for item in ended:
            await publish(connection, SAID, Job(key="a"), item=item)
        await connection.execute(delete(messages).where(messages.c.item == ended[0]))
    await prune(opened.journal, "jobs", older_than=DAY)
    assert [row.item for row in await rows(positions)] == ended[1:]


async def test_items_with_unsent_notices_are_not_pruned(opened: Runtime) -> None:
    await run(jobs(1), look_or_ask, scenario=with_notices("job.done"))
    await change("job-0000", ended_at=0.0)
    assert [row.status for row in await rows(outbox)] == ["waiting"]
    assert await prune(opened.journal, "jobs", older_than=DAY) == 0


@pytest.fixture(autouse=True)
def _small_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several rounds, with few items."""
    monkeypatch.setattr("agents.runtime.journal.pruning.AT_ONCE", 1)
