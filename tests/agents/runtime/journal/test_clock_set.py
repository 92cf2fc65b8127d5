"""The clock of the database is set, back or forward: nothing stays held, waits for long, or is stolen."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.errors import TransientError
from agents.runtime.journal.claims import claim, next_due
from agents.runtime.journal.database import now
from agents.runtime.journal.operator_actions import escalate
from agents.runtime.journal.queries import waiting
from agents.runtime.journal.queue_admin import RateLimit, limit_rate
from agents.runtime.journal.schema import items, messages, owners
from agents.runtime.messaging.connection import publish
from agents.runtime.messaging.outbox_relay import OutboxRelay
from agents.runtime.metrics import CLOCK_SET, CLOCK_SKEW
from agents.runtime.model.policies import LONGEST_WAIT, READ, wait_before
from agents.runtime.recovery.recovery import apply_timeouts, remove_crashed_workers
from agents.runtime.redis.client import RedisClient
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    Provider,
    batch_of,
    crashing_runtime,
    effect_of,
    jobs,
    rows,
    run,
    states,
    until,
)
from tests.agents.runtime.journal.operators import ONE, Question, action, resume
from tests.agents.runtime.journal.test_fair_queueing import next_keys, send
from tests.agents.runtime.messaging.mailbox import NEWS, Note
from tests.clocks import DatabaseClock

HOUR, LEASE = 3_600.0, 1.0
LONG = LEASE * 5  # until an item of a crashed process is free, on a busy machine


@pytest.fixture
def short_lease(database_clock: DatabaseClock, journal_settings: Settings) -> Settings:
    return journal_settings.model_copy(update={"lease_seconds": LEASE})


@pytest.fixture
def provider() -> Provider:
    return Provider()


async def take(opened: Runtime) -> list[Any]:
    """Claim what this process can claim."""
    database = opened.journal.database
    async with database.read() as connection:
        ids = list(await connection.scalars(select(items.c.id)))
    async with database.write() as connection:
        return await claim(connection, opened.lease.id, ids)


async def stand_still(opened: Runtime) -> None:
    """End the heartbeat of a process; its last one stays as it is."""
    opened.lease._stopped.set()
    await asyncio.to_thread(opened.lease._thread.join)


async def change_all(opened: Runtime, **values: Any) -> None:
    async with opened.journal.database.write() as connection:
        await connection.execute(update(items).values(**values))


def alerts(folder: Path) -> list[str]:
    """The reasons of the alerts about a clock."""
    lines = map(json.loads, (folder / "agent-flows.log").read_text("utf-8").splitlines())
    return [line["reason"] for line in lines if line["event"] == "clock"]


async def test_a_heartbeat_from_the_future_is_a_sign_of_life_for_one_lease(
    short_lease: Settings, database_clock: DatabaseClock
) -> None:
    async with crashing_runtime(short_lease) as crashed:
        await batch_of(jobs(2))
        await stand_still(crashed)
        await database_clock.set(-2 * HOUR)
        async with open_runtime(short_lease) as opened:
            assert await take(opened) == [], "the other process may be about to beat"
            found: list[Any] = []

            async def is_taken() -> bool:
                found.extend(await take(opened))
                return len(found) == 2

            await until(is_taken, LONG)
            assert [row.crash_count for row in found] == [1, 1]


async def test_the_row_of_a_crashed_process_from_the_future_is_removed(
    short_lease: Settings, database_clock: DatabaseClock
) -> None:
    async with crashing_runtime(short_lease) as crashed:
        await stand_still(crashed)
        await database_clock.set(-2 * HOUR)
        async with open_runtime(short_lease) as opened:

            async def is_removed() -> bool:
                await remove_crashed_workers(opened.journal)
                return [row.id for row in await rows(owners)] == [opened.lease.id]

            await until(is_removed, LONG)


@pytest.mark.parametrize("seconds", [-2 * HOUR, 2 * HOUR, 0.8 * LEASE])
async def test_a_living_process_keeps_its_items_when_the_clock_is_set(
    short_lease: Settings, database_clock: DatabaseClock, provider: Provider, seconds: float
) -> None:
    async with open_runtime(short_lease) as other, open_runtime(short_lease):
        batch = await batch_of(jobs(2))
        await database_clock.set(seconds)
        for _ in range(25):
            assert await take(other) == []
            await asyncio.sleep(0.06)
        assert len((await effect_of(provider)(batch)).peek()) == 2


async def test_a_crashed_process_loses_its_items_after_the_clock_was_set_forward(
    short_lease: Settings, database_clock: DatabaseClock
) -> None:
    async with open_runtime(short_lease) as opened, crashing_runtime(short_lease) as crashed:
        await batch_of(jobs(1))
        await stand_still(crashed)
        await database_clock.set(2 * HOUR)

        async def is_taken() -> bool:
            return bool(await take(opened))

        await until(is_taken, LONG)


async def test_a_delayed_item_is_due_when_its_delay_is_longer_than_any(
    database_clock: DatabaseClock, journal_settings: Settings
) -> None:
    async with open_runtime(journal_settings) as opened:
        await send(opened, "a", 1)
        await change_all(opened, retry_at=now() + 30)
        (row,) = await rows(items)
        assert await next_keys(opened, 1) == []
        assert 0 < (await next_due(opened.journal.database, [row.id]) or 0) <= 30
        await database_clock.set(-2 * HOUR)
        assert await next_due(opened.journal.database, [row.id]) == 0
        assert await next_keys(opened, 1) == ["a-normal-0"]


async def test_recovery_ends_delays_that_were_written_in_the_future(
    database_clock: DatabaseClock, journal_settings: Settings, provider: Provider
) -> None:
    """The clock was set back by less than the longest delay, so the delay alone proves nothing."""
    make = effect_of(provider)
    provider.before["one"] = [TransientError("busy", retry_after=30)]
    async with open_runtime(journal_settings) as opened:
        await make(await batch_of(ONE))
        assert await states() == {"one": "pending"}
        await apply_timeouts(opened.journal, "jobs", HOUR, HOUR)
        assert await take(opened) == [], "a delay that was written under this clock stays"
        await database_clock.set(-600)
        assert await take(opened) == []
        await apply_timeouts(opened.journal, "jobs", HOUR, HOUR)
        assert (await resume(make)).outcomes == {"job completed": 1}


def test_no_retry_is_asked_for_later_than_the_longest_delay() -> None:
    assert wait_before(READ, 1, retry_after=10 * LONGEST_WAIT) == LONGEST_WAIT


async def test_a_deadline_from_the_future_begins_again(
    database_clock: DatabaseClock, journal_settings: Settings
) -> None:
    async with open_runtime(journal_settings) as opened:
        await run(ONE, Question().agent)
        await change_all(opened, deadline=items.c.accepted_at + 60)
        await database_clock.set(-2 * HOUR)
        await apply_timeouts(opened.journal, "jobs", HOUR, HOUR)
        await database_clock.set(50)
        assert (await apply_timeouts(opened.journal, "jobs", HOUR, HOUR))["expired"] == 0
        await database_clock.set(11)
        assert (await apply_timeouts(opened.journal, "jobs", HOUR, HOUR))["expired"] == 1


async def test_a_wait_for_a_person_and_its_time_out_begin_again(
    database_clock: DatabaseClock, journal_settings: Settings
) -> None:
    async with open_runtime(journal_settings) as opened:
        await run(ONE, Question().agent)
        await escalate(opened.journal, action(), 60)
        await database_clock.set(-2 * HOUR)
        assert (await apply_timeouts(opened.journal, "jobs", HOUR, 60))["rejected by time-out"] == 0
        (row,) = await waiting(opened.journal, "jobs")
        assert 0 <= row.age < 30
        assert 30 < row.due <= 60
        await database_clock.set(61)
        assert (await apply_timeouts(opened.journal, "jobs", HOUR, 60))["rejected by time-out"] == 1


async def test_a_rate_does_not_block_a_queue_until_the_clock_has_caught_up(
    database_clock: DatabaseClock, journal_settings: Settings
) -> None:
    async with open_runtime(journal_settings) as opened:
        await send(opened, "a", 3)
        await limit_rate(opened.journal, "jobs", RateLimit(1), "ann", "a campaign")
        assert len(await next_keys(opened, 3)) == 1
        await database_clock.set(-2 * HOUR)
        assert len(await next_keys(opened, 3)) == 1
        assert await next_keys(opened, 3) == []


async def test_new_items_do_not_overtake_older_ones_while_the_clock_catches_up(
    database_clock: DatabaseClock, journal_settings: Settings
) -> None:
    async with open_runtime(journal_settings) as opened:
        await send(opened, "a", 2)
        assert await next_keys(opened, 1) == ["a-normal-0"]
        await database_clock.set(-2 * HOUR)
        await send(opened, "b", 9)
        assert "a-normal-1" in await next_keys(opened, 3), "each tenant has its turn"


async def test_a_message_is_relayed_although_its_time_lies_far_ahead(
    database_clock: DatabaseClock, journal_settings: Settings
) -> None:
    async with open_runtime(journal_settings) as opened:
        relay = OutboxRelay(opened.journal.database, RedisClient(journal_settings))
        async with opened.journal.database.write() as connection:
            await publish(connection, NEWS, Note())
        await database_clock.set(-2 * HOUR)
        assert len(await relay._claim_due()) == 1
        assert await relay._claim_due() == []
        assert len(await rows(messages)) == 1


async def test_a_clock_that_is_set_raises_an_alert(
    short_lease: Settings, database_clock: DatabaseClock, tmp_path: Path
) -> None:
    before = CLOCK_SET._value.get()
    async with open_runtime(short_lease):
        await database_clock.set(-2 * HOUR)
        await until(lambda: any("set by -7,2" in reason for reason in alerts(tmp_path)), LONG)
        assert CLOCK_SET._value.get() == before + 1


async def test_a_skew_between_database_and_host_raises_one_alert(
    short_lease: Settings, database_clock: DatabaseClock, tmp_path: Path
) -> None:
    """SQLite reads the clock of this host, so there is none."""
    await database_clock.set(60)
    async with open_runtime(short_lease):
        await asyncio.sleep(LEASE / 2)
        found = [
            reason for reason in alerts(tmp_path) if "ahead of the clock of this host" in reason
        ]
        assert len(found) == (0 if database_clock.is_sqlite else 1)
        skew = 0 if database_clock.is_sqlite else 60
        assert CLOCK_SKEW._value.get() == pytest.approx(skew, abs=1)
