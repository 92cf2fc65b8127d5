"""Claims and results of notices: one process calls, and what it says late changes nothing."""

import pytest

from agents.runtime.context import Runtime
from agents.runtime.errors import IllegalTransition
from agents.runtime.journal.notices import NoticeResult, NotResendable, advance, resend, unsent
from agents.runtime.journal.operator_actions import OperatorAction
from agents.runtime.journal.schema import items, outbox
from agents.runtime.model.item import NoticeStatus
from tests.agents.runtime.jobs import (
    Provider,
    change,
    crashing_runtime,
    effect_of,
    jobs,
    rows,
    run,
    with_notices,
)

ACTION = OperatorAction("jobs", "job-0000", "ann", "server is back")


@pytest.fixture
async def row(opened: Runtime, provider: Provider) -> int:
    """The row of an unsent notice."""
    await run(jobs(1), effect_of(provider), scenario=with_notices("a"))
    (item,) = await rows(items)
    (found,) = await unsent(opened.journal.database, [item.id])
    return int(found.id)


async def test_one_of_two_processes_claims_a_notice(opened: Runtime, row: int) -> None:
    database = opened.journal.database
    first = await advance(database, "one", (), [row])
    assert [found.id for found in first] == [row]
    assert list(await advance(database, "two", (), [row])) == []
    await advance(database, "two", [NoticeResult(row, NoticeStatus.FAILED, "not mine")], ())
    assert [found.status for found in await rows(outbox)] == ["sending"]


async def test_a_notice_in_flight_is_not_sent_again(opened: Runtime, row: int) -> None:
    await advance(opened.journal.database, opened.lease.id, (), [row])
    with pytest.raises(NotResendable, match="a is sending"):
        await resend(opened.journal, ACTION, None)


async def test_a_late_result_changes_nothing_after_a_resend(opened: Runtime, row: int) -> None:
    async with crashing_runtime(opened.settings) as other:
        owner = other.lease.id
        await advance(opened.journal.database, owner, (), [row])
    await resend(opened.journal, ACTION, None)
    (claimed,) = await advance(opened.journal.database, opened.lease.id, (), [row])
    await advance(
        opened.journal.database, owner, [NoticeResult(row, NoticeStatus.WAITING, "late", 0.0)], ()
    )
    (found,) = await rows(outbox)
    assert (claimed.attempts, found.status) == (1, "sending")


async def test_the_result_of_a_process_that_seemed_dead_still_counts(
    opened: Runtime, row: int
) -> None:
    database = opened.journal.database
    await advance(database, "frozen", (), [row])
    await advance(database, "frozen", [NoticeResult(row, NoticeStatus.UNKNOWN, "seemed dead")], ())
    await advance(database, "frozen", [NoticeResult(row, NoticeStatus.SENT)], ())
    assert [found.status for found in await rows(outbox)] == ["sent"]


@pytest.mark.usefixtures("row")
async def test_only_an_item_that_has_ended_sends_its_messages_again(opened: Runtime) -> None:
    (before,) = await rows(items)
    await change("job-0000", state="compensating")
    with pytest.raises(IllegalTransition):
        await resend(opened.journal, ACTION, None)
    await change("job-0000", state=before.state)
    assert await resend(opened.journal, ACTION, None) == before.id
