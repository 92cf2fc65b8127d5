"""The backlog group a queue: how many items wait, for how long, and how much work that is."""

import time

import pytest

from agents.runtime.context import Runtime
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.journal.queue import backlog
from agents.runtime.journal.submit import Sender, accept
from agents.runtime.model.policies import PURE
from tests.agents.runtime.jobs import Job, Made, change, jobs, new_items, run
from tests.agents.runtime.journal.test_fair_queueing import next_keys, send


async def test_an_empty_queue_has_no_backlog(opened: Runtime) -> None:
    assert await backlog(opened.journal.database, "jobs") == []


async def test_waiting_items_are_counted_by_tenant_and_priority(opened: Runtime) -> None:
    await send(opened, "a", 3)
    await send(opened, "a", 2, Priority.URGENT)
    await send(opened, "b", 4)
    await change("b-normal-0", retry_at=time.time() + 60, accepted_at=time.time() - 500)
    assert len(await next_keys(opened, 2)) == 2
    found = {(b.tenant, b.priority): b for b in await backlog(opened.journal.database, "jobs")}
    assert {group: (b.waiting, b.delayed) for group, b in found.items()} == {
        ("a", "normal"): (3, 0),
        ("a", "urgent"): (0, 0),
        ("b", "normal"): (4, 1),
    }
    assert found["b", "normal"].oldest == pytest.approx(500, abs=5)
    assert found["a", "normal"].oldest < 5
    assert found["a", "urgent"].arriving == pytest.approx(2 / 60)


async def test_the_rates_are_those_of_the_last_minute(opened: Runtime) -> None:
    @agent(PURE)
    def work(job: Job) -> Made:
        return Made(by="work", n=job.n)

    await run(jobs(30), work)
    tenant = opened.journal.tenant
    await send(opened, tenant, 10)
    (found,) = await backlog(opened.journal.database, "jobs")
    assert (found.served, found.arriving) == pytest.approx((30 / 60, 40 / 60))


async def test_the_work_of_the_items_is_summed(opened: Runtime) -> None:
    await send(opened, "a", 3)
    for key, seconds in (("a-normal-0", 2.0), ("a-normal-1", 5.0)):
        await change(key, expected=seconds)
    (found,) = await backlog(opened.journal.database, "jobs")
    assert (found.waiting, found.forecasts, found.work) == (3, 2, 7.0)


async def test_the_backlog_of_some_versions_leaves_out_the_others(opened: Runtime) -> None:
    for version, count in (("1", 3), ("1.1", 1), ("2", 5)):
        keys = [f"{version}-{n}" for n in range(count)]
        await accept(opened.journal.database, Sender("t", "jobs", version), new_items(keys))
    database = opened.journal.database
    found = [await backlog(database, "jobs", majors=m) for m in ((1,), (1, 2), None, (3,))]
    assert [[b.waiting for b in some] for some in found] == [[4], [9], [9], []]
