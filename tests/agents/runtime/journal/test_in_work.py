"""What is in work now: living processes with the items of the tenant that they hold."""

from dataclasses import replace

from sqlalchemy import update

from agents.runtime.context import Runtime
from agents.runtime.journal.in_work import items_in_work, processes
from agents.runtime.journal.schema import owners
from tests.agents.runtime.jobs import batch_of, jobs


async def test_a_living_process_is_shown_with_what_it_holds(opened: Runtime) -> None:
    [idle] = await processes(opened.journal)
    assert (idle.id, idle.held) == (opened.lease.id, {})
    await batch_of(jobs(3))
    [busy] = await processes(opened.journal)
    assert busy.held == {"jobs": 3}
    held = await items_in_work(opened.journal)
    assert [(row.key, row.owner) for row in held] == [(job.key, opened.lease.id) for job in jobs(3)]
    other = replace(opened.journal, tenant="other")
    assert [one.held for one in await processes(other)] == [{}]
    assert await items_in_work(other) == []


async def test_a_process_that_gives_no_sign_of_life_is_not_shown(opened: Runtime) -> None:
    async with opened.journal.database.write() as connection:
        await connection.execute(update(owners).values(beat_at=owners.c.beat_at - 3_600))
    assert await processes(opened.journal) == []
