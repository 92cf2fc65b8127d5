"""What needs a person, and how deep queues are, from a bounded part of the journal."""

from dataclasses import replace

import pytest

from agents.runtime.context import Runtime
from agents.runtime.errors import Parked
from agents.runtime.execution.decorator import agent
from agents.runtime.journal import attention, queue_depths
from agents.runtime.journal.attention import error_groups, letters_of, waiting_count
from agents.runtime.journal.operator_actions import discard
from agents.runtime.journal.queue_admin import pause
from agents.runtime.journal.queue_depths import depth_of
from agents.runtime.journal.submit import Sender, accept
from agents.runtime.model.policies import PURE
from tests.agents.runtime.jobs import Job, jobs, new_items, run
from tests.agents.runtime.journal.operators import action

pytestmark = pytest.mark.usefixtures("no_waits")


@agent(PURE)
def ask_or_fail(job: Job) -> None:
    if job.n < 2:
        raise Parked("may I?")
    if job.n < 5:
        raise RuntimeError("a bug")
    if job.n == 5:
        raise LookupError("another")


async def test_dead_letters_are_grouped_by_agent_and_error(
    opened: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(jobs(8), ask_or_fail)
    journal, other = opened.journal, replace(opened.journal, tenant="other")
    found = [(group.error_type, group.count) for group in await error_groups(journal, "jobs")]
    assert found == [("RuntimeError", 3), ("LookupError", 1)]
    assert await waiting_count(journal, "jobs") == 2
    listed = await letters_of(journal, "jobs", "ask_or_fail", "RuntimeError", most=2)
    assert [row.key for row in listed] == ["job-0002", "job-0003"]
    assert (await waiting_count(other, "jobs"), await error_groups(other, "jobs")) == (0, [])
    await discard(journal, action("job-0005"))
    assert [group.error_type for group in await error_groups(journal, "jobs")] == ["RuntimeError"]
    monkeypatch.setattr(attention, "MOST", 1)
    assert (
        await waiting_count(journal, "jobs"),
        (await error_groups(journal, "jobs"))[0].count,
    ) == (
        1,
        1,
    )


async def test_a_queue_says_how_long_it_takes_to_drain(
    opened: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await depth_of(opened.journal, "jobs")).drain == 0.0
    new = new_items(["a", "b", "c"])
    await accept(opened.journal.database, Sender("default", "jobs", "1"), new)
    found = await depth_of(opened.journal, "jobs")
    assert (found.waiting, found.drain, found.paused) == (3, None, None)
    assert found.oldest is not None
    await run(jobs(6)[5:])
    await pause(opened.journal, "jobs", "ann", "stocktaking")
    found = await depth_of(opened.journal, "jobs")
    assert found.drain == pytest.approx(3 * 60)
    assert "stocktaking" in (found.paused or "")
    monkeypatch.setattr(queue_depths, "MOST", 2)
    assert (await depth_of(opened.journal, "jobs")).waiting == 2
