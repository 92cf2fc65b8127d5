"""Accepted and ended items are counted by hour, in the transactions that change them."""

from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import update

from agents.runtime.context import Runtime
from agents.runtime.errors import Parked, PermanentError
from agents.runtime.execution.decorator import agent
from agents.runtime.journal import Journal
from agents.runtime.journal.gateway_schema import hour_counts
from agents.runtime.journal.hour_counts import HOUR, KEPT_HOURS, last_hours
from agents.runtime.journal.operator_actions import discard
from agents.runtime.journal.pruning import prune
from agents.runtime.model.policies import PURE
from tests.agents.runtime.jobs import Job, jobs, rows, run
from tests.agents.runtime.journal.operators import action

pytestmark = pytest.mark.usefixtures("no_waits")


@agent(PURE)
def look_by_hour(job: Job) -> None:
    if job.n == 1:
        raise PermanentError("never")
    if job.n == 2:
        raise Parked("may I?")
    if job.n == 3:
        raise RuntimeError("a bug")


async def counts(journal: Journal, hours: int = 2) -> dict[str, int]:
    total = Counter[str]()
    for found in await last_hours(journal, hours):  # two hours, as the test may pass a full hour
        total[found.name] += found.count
    return dict(total)


async def test_accepted_and_ended_items_are_counted(opened: Runtime) -> None:
    await run(jobs(6), look_by_hour, size=4)
    expected = {"accepted": 6, "completed": 3, "failed": 1, "dead_lettered": 1}
    assert await counts(opened.journal) == expected
    await run(jobs(6), look_by_hour)
    assert await counts(opened.journal) == expected, "items that are known count once"
    await discard(opened.journal, action("job-0003"))
    assert await counts(opened.journal) == expected | {"failed": 2}
    assert await counts(replace(opened.journal, tenant="other")) == {}


async def test_counts_of_long_ago_are_neither_shown_nor_kept(opened: Runtime) -> None:
    await run(jobs(1))
    for age, kept in ((48, 2), (KEPT_HOURS + 2, 0)):
        async with opened.journal.database.write() as connection:
            await connection.execute(update(hour_counts).values(hour=hour_counts.c.hour - age))
        assert await counts(opened.journal, 24) == {}
        await prune(opened.journal, "jobs", older_than=HOUR)
        assert len(await rows(hour_counts)) == kept
