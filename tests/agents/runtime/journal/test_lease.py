"""A living process keeps its items even if its event loop is blocked; a crashed one loses them."""

import time

import pytest
from sqlalchemy import select

from agents.runtime.context import Runtime, open_runtime, runtime
from agents.runtime.errors import PermanentError
from agents.runtime.journal.claims import claim
from agents.runtime.journal.schema import history, items, owners
from agents.runtime.journal.workers import is_alive
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    Provider,
    batch_of,
    crash,
    crashing_runtime,
    effect_of,
    jobs,
    rows,
    states,
    until,
)


@pytest.fixture
def short_lease(journal_settings: Settings) -> Settings:
    return journal_settings.model_copy(update={"lease_seconds": 1.0})


async def alive(opened: Runtime) -> bool:
    async with opened.journal.database.read() as connection:
        found = await connection.scalar(
            select(is_alive(owners.c.id)).where(owners.c.id == opened.lease.id)
        )
    return bool(found)


@pytest.mark.slow
async def test_the_heartbeat_goes_on_while_the_event_loop_is_blocked(
    short_lease: Settings,
) -> None:
    async with open_runtime(short_lease) as opened:
        time.sleep(1.3)  # noqa: ASYNC251 - what an agent that never yields does to the loop
        assert await alive(opened)
        assert opened.lease.remaining() > 0.3


async def test_without_a_heartbeat_the_lease_runs_out(short_lease: Settings) -> None:
    async with crashing_runtime(short_lease) as opened:
        assert await alive(opened)
        opened.lease._stopped.set()

        async def is_dead() -> bool:
            return not await alive(opened)

        await until(is_dead, seconds=3)
        assert opened.lease.remaining() < 0, "it is negative before another process may take over"


async def test_a_regular_end_hands_back_without_counting_a_crash(
    journal_settings: Settings,
) -> None:
    async with open_runtime(journal_settings):
        await batch_of(jobs(2))
    async with open_runtime(journal_settings):
        assert [row.event for row in await rows(history)][:3] == ["accept", "claim", "hand_back"]
        assert [(row.owner, row.crash_count, row.state) for row in await rows(items)] == [
            (None, 0, "pending")
        ] * 2
        assert len(await rows(owners)) == 1
        batch = await batch_of(jobs(2))
        assert [item.fence for item in batch.peek()] == [2, 2]


async def test_a_compensating_item_is_handed_back_as_compensating(
    journal_settings: Settings,
) -> None:
    provider = Provider()
    provider.before["job-0000"] = [PermanentError("no")]
    async with open_runtime(journal_settings):
        await effect_of(provider)(await batch_of(jobs(1)))
    async with open_runtime(journal_settings):
        assert await states() == {"job-0000": "compensating"}
        assert [row.owner for row in await rows(items)] == [None]


async def test_a_process_that_lost_its_items_changes_nothing(journal_settings: Settings) -> None:
    provider = Provider()
    make = effect_of(provider)
    async with crashing_runtime(journal_settings) as crashed:
        batch = await batch_of(jobs(1))
        await crash(crashed)
        async with open_runtime(journal_settings) as next_owner:
            async with next_owner.journal.database.write() as connection:
                (row,) = await claim(connection, next_owner.lease.id, [batch.peek()[0].id])
            assert row.crash_count == 1
            assert runtime() is next_owner
        assert (await make(batch)).peek() == ()
    assert provider.calls == []


async def test_a_failed_heartbeat_is_made_up_by_the_next_one(short_lease: Settings) -> None:
    """The journal is locked for longer than a beat; the next one renews the lease."""
    async with open_runtime(short_lease) as opened:
        async with opened.journal.database.write() as connection:
            await connection.execute(
                select(owners).where(owners.c.id == opened.lease.id).with_for_update()
            )
            await until(lambda: opened.lease.remaining() < 0.6, seconds=3)
        await until(lambda: opened.lease.remaining() > 0.7, seconds=5)
        assert await alive(opened)
