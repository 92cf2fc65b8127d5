"""Submission: every key is stored once, and every item is held by one process."""

import asyncio
import random
import time
from dataclasses import replace

import pytest
from sqlalchemy import update

from agents.orders.scenario import RETURNS
from agents.runtime.context import Runtime, open_runtime
from agents.runtime.intake.intake import Rejection
from agents.runtime.journal import workers
from agents.runtime.journal.claims import claim
from agents.runtime.journal.database import Database
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.journal.schema import history, items
from agents.runtime.journal.submit import (
    Accepted,
    Disposition,
    NewItem,
    Sender,
    accept,
    accept_within,
    load,
)
from agents.runtime.model.lifecycle import State
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    Job,
    Provider,
    batch_of,
    change,
    crashing_runtime,
    effect_of,
    jobs,
    new_items,
    rows,
    run,
    until,
)


async def offer(opened: Runtime, new: list[NewItem], owner: str = "") -> list[Accepted]:
    sender = Sender(opened.journal.tenant, "jobs", "1")
    return await accept(opened.journal.database, sender, new, owner or opened.lease.id)


async def take(opened: Runtime, ids: list[int], most: int = 256) -> list[tuple[int, int]]:
    """Claim items; returns ids and fences of those claimed."""
    async with opened.journal.database.write() as connection:
        found = await claim(connection, opened.lease.id, ids, most)
    return [(row.id, row.fence) for row in found]


async def test_the_same_item_again_is_the_same_item(opened: Runtime) -> None:
    (first,) = await offer(opened, new_items(["a"]))
    (again,) = await offer(opened, new_items(["a"]))
    assert (first.disposition, first.is_new) == (Disposition.CLAIMED, True)
    assert (again.disposition, again.is_new) == (Disposition.BUSY, False)
    assert first.row.id == again.row.id
    assert len(await rows(items)) == 1


async def test_another_body_is_a_conflict_and_changes_nothing(opened: Runtime) -> None:
    await offer(opened, new_items(["a"], '{"n":1}'))
    before = await rows(items)
    (answer,) = await offer(opened, new_items(["a"], '{"n":2}'))
    assert answer.disposition is Disposition.CONFLICT
    assert await rows(items) == before


async def test_answers_are_in_the_order_of_the_items(opened: Runtime) -> None:
    keys = [f"k{n}" for n in range(50)]
    await offer(opened, new_items(keys[::3]))
    random.Random(1).shuffle(keys)
    answers = await offer(opened, new_items(keys))
    assert [answer.row.key for answer in answers] == keys


async def test_no_items_give_no_answers(opened: Runtime) -> None:
    assert await offer(opened, []) == []


@pytest.mark.usefixtures("opened")
async def test_a_chunk_of_rejected_records_does_not_end_the_run() -> None:
    bad = [Rejection(n, "json", "not JSON") for n in range(300)]
    result = await run(bad)
    assert result.outcomes == {"rejected": 300}


async def test_tenants_and_scenarios_do_not_share_keys(opened: Runtime) -> None:
    for tenant, scenario in [("a", "x"), ("b", "x"), ("a", "y")]:
        sender = Sender(tenant, scenario, "1")
        await accept(opened.journal.database, sender, new_items(["k"]), opened.lease.id)
    assert len(await rows(items)) == 3


async def test_many_acceptors_at_once_lose_nothing_and_claim_each_item_once(
    journal_settings: Settings, opened: Runtime
) -> None:
    keys = [f"k{n}" for n in range(120)]

    async def acceptor(seed: int) -> list[int]:
        shuffled = random.Random(seed).sample(keys, len(keys))
        async with open_runtime(journal_settings) as mine:
            got = [
                answer.row.id
                for start in range(0, len(keys), 30)
                for answer in await offer(mine, new_items(shuffled[start : start + 30]))
                if answer.disposition is Disposition.CLAIMED
            ]
            await all_done.wait()
            return got

    all_done = asyncio.Barrier(6)
    claimed = await asyncio.gather(*(acceptor(seed) for seed in range(6)))
    ids = [id_ for ids_of_one in claimed for id_ in ids_of_one]
    assert len(ids) == len(set(ids)) == len(await rows(items)) == len(keys)


async def test_a_pending_item_is_claimed_with_a_higher_fence(opened: Runtime) -> None:
    (answer,) = await offer(opened, new_items(["a"]))
    async with opened.journal.database.write() as connection:
        await workers._hand_back(connection, opened.lease.id, answer.row.state, State.PENDING)
    assert await take(opened, [answer.row.id]) == [(answer.row.id, answer.row.fence + 1)]
    assert (await rows(items))[0].crash_count == 0


async def test_a_delayed_item_is_claimed_when_it_is_due(opened: Runtime) -> None:
    (answer,) = await offer(opened, new_items(["a"]))
    async with opened.journal.database.write() as connection:
        await workers._hand_back(connection, opened.lease.id, answer.row.state, State.PENDING)
    await change("a", retry_at=time.time() + 60)
    assert await take(opened, [answer.row.id]) == []
    await change("a", retry_at=1.0)
    assert len(await take(opened, [answer.row.id])) == 1
    assert (await rows(items))[0].retry_at is None


async def test_only_items_of_crashed_owners_are_taken_over_and_each_crash_counts_once(
    journal_settings: Settings, opened: Runtime
) -> None:
    async with crashing_runtime(journal_settings) as other:
        (answer,) = await offer(other, new_items(["a"]))
        assert await take(opened, [answer.row.id]) == []
    assert await take(opened, [answer.row.id]) == [(answer.row.id, answer.row.fence + 1)]
    assert await take(opened, [answer.row.id]) == []
    assert (await rows(items))[0].crash_count == 1
    assert [row.event for row in await rows(history)] == ["accept", "claim", "take_over"]


async def test_an_owner_without_a_row_counts_as_crashed(opened: Runtime) -> None:
    (answer,) = await offer(opened, new_items(["a"]), owner="gone")
    assert len(await take(opened, [answer.row.id])) == 1


async def test_at_most_the_wanted_number_is_claimed_those_due_first(opened: Runtime) -> None:
    answers = await offer(opened, new_items([f"k{n}" for n in range(5)]), owner="gone")
    for n, answer in enumerate(answers):
        await change(answer.row.key, retry_at=float(9 - n))
    ids = [answer.row.id for answer in answers]
    assert {id_ for id_, _ in await take(opened, ids, 2)} == {ids[4], ids[3]}
    assert await take(opened, ids, 0) == []


async def test_only_one_of_two_processes_takes_over_an_item(
    postgresql_url: str,
) -> None:
    """PostgreSQL runs claims concurrently, so the second one sees what the first one wrote."""
    settings = Settings(journal_url=postgresql_url)  # type: ignore[arg-type]  # pydantic wraps it
    async with open_runtime(settings) as first, open_runtime(settings) as second:
        answers = await offer(first, new_items([f"k{n}" for n in range(30)]), owner="gone")
        ids = [answer.row.id for answer in answers]
        async with first.journal.database.write() as connection:
            mine = await claim(connection, first.lease.id, ids)
            racing = asyncio.create_task(take(second, ids))
            await until(lambda: _a_claim_waits_or_is_done(first.journal.database, racing))
        assert len(mine) == len(ids)
        assert await racing == []
        assert {row.crash_count for row in await rows(items)} == {1}


async def test_claims_of_the_same_items_do_not_wait_for_each_other(postgresql_url: str) -> None:
    """Two claims that wait for each other are a deadlock."""
    settings = Settings(journal_url=postgresql_url)  # type: ignore[arg-type]  # pydantic wraps it
    async with open_runtime(settings) as first, open_runtime(settings) as second:
        answers = await offer(first, new_items(["a", "b"]), owner="gone")
        a, b = (answer.row.id for answer in answers)
        async with (
            asyncio.timeout(5),
            first.journal.database.write() as one,
            second.journal.database.write() as two,
        ):
            assert len(await claim(one, first.lease.id, [a])) == 1
            assert len(await claim(two, second.lease.id, [b])) == 1
            assert await claim(one, first.lease.id, [b]) == []
            assert await claim(two, second.lease.id, [a]) == []


async def test_one_claim_takes_an_item_once_even_if_its_own_lease_has_run_out(
    opened: Runtime,
) -> None:
    answers = await offer(opened, new_items(["a", "b"]), owner="without a row")
    assert [answer.row.crash_count for answer in answers] == [0, 0]
    assert [answer.row.fence for answer in answers] == [1, 1]


async def _a_claim_waits_or_is_done(database: Database, racing: asyncio.Task[object]) -> bool:
    async with database.read() as connection:
        waiting = await connection.exec_driver_sql("SELECT 1 FROM pg_locks WHERE NOT granted")
        return racing.done() or waiting.first() is not None


async def test_goods_that_come_back_are_numbered_as_they_are_accepted(postgresql_url: str) -> None:
    """Else a later arrival with a lower number would be paid for what an earlier one has brought."""
    settings = Settings(journal_url=postgresql_url)  # type: ignore[arg-type]  # pydantic wraps it
    sender = Sender.of("default", RETURNS)
    calm = new_items(["calm"])  # of one priority they would wait for each other's rank anyway
    hurried = [replace(*new_items(["hurried"]), priority=Priority.HIGH)]
    async with open_runtime(settings) as opened, open_runtime(settings) as other:
        database = opened.journal.database
        async with database.write() as connection:
            [first] = await accept_within(connection, sender, calm)
            racing = asyncio.create_task(accept(other.journal.database, sender, hurried))
            await until(lambda: _a_claim_waits_or_is_done(database, racing))
            assert not racing.done(), "it is seen before one that has a lower number"
        [second] = await racing
        assert second.row.id > first.row.id


async def test_new_items_are_not_searched_for_one_by_one(postgresql_url: str) -> None:
    """Also by statements that were prepared while the table was empty."""
    database, sender = Database(postgresql_url), Sender("t", "jobs", "1")
    for n in range(10):
        await accept(database, sender, new_items([f"few-{n}"]))
    await accept(database, sender, new_items([f"many-{n}" for n in range(2_000)]))
    async with database.write() as connection:
        await accept_within(connection, sender, new_items([f"new-{n}" for n in range(16)]))
        read = await connection.exec_driver_sql(
            "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables "
            "WHERE relname = 'items'"
        )
        assert read.scalar_one() < 8 * 2_000, "a search for each item reads all others each time"
    await database.close()


async def test_a_claimed_item_is_loaded_with_its_steps_and_effects(
    opened: Runtime, journal_settings: Settings
) -> None:
    make = effect_of(Provider())
    async with crashing_runtime(journal_settings):
        await make(await batch_of(jobs(2)))
    (answer, _) = await offer(opened, new_items([job.key for job in jobs(2)]))
    assert answer.disposition is Disposition.CONFLICT, "the body differs"
    async with opened.journal.database.write() as connection:
        claimed = await claim(connection, opened.lease.id, [answer.row.id])
    (loaded,) = await load(opened.journal.database, claimed)
    assert [step.agent for step in loaded.steps] == ["make"]
    assert [effect.status for effect in loaded.effects] == ["done"]


async def test_an_ended_item_is_answered_with_its_outcome(opened: Runtime) -> None:
    provider = Provider()
    await run([Job(key="ended")], effect_of(provider))
    body = Job(key="ended").model_dump_json()
    (answer,) = await offer(opened, new_items(["ended"], body))
    assert answer.disposition is Disposition.ENDED
    async with opened.journal.database.write() as connection:
        await connection.execute(update(items).values(outcome="shipped"))
    (answer,) = await offer(opened, new_items(["ended"], body))
    assert answer.row.outcome == "shipped"
