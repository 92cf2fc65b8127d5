"""Only the process that holds items can end or park them."""

from collections.abc import Sequence

from agents.runtime.context import Runtime
from agents.runtime.journal.completion import end, park
from agents.runtime.journal.schema import items, outbox
from agents.runtime.model.item import Notice
from agents.runtime.model.lifecycle import Event, State
from tests.agents.runtime.jobs import batch_of, jobs, rows, states


async def test_an_end_with_a_stale_fence_sends_nothing(opened: Runtime) -> None:
    kept, lost = (await batch_of(jobs(2))).peek()
    lost.fence -= 1
    for item in (kept, lost):
        item.outcome = "fine"
    notices: dict[int, Sequence[Notice]] = {
        item.id: [Notice("done", "email", "text")] for item in (kept, lost)
    }
    ended = await end(
        opened.journal.database, opened.lease.id, [kept, lost], Event.COMPLETE, notices
    )
    assert ended == {kept.id}
    assert [(row.item, row.status) for row in await rows(outbox)] == [(kept.id, "waiting")]


async def test_a_parked_item_waits_with_a_reason_and_without_an_owner(opened: Runtime) -> None:
    kept, lost = (await batch_of(jobs(2))).peek()
    lost.fence -= 1
    parked = await park(
        opened.journal.database,
        opened.lease.id,
        [kept, lost],
        "only other code can read it",
        State.PROCESSING,
    )
    assert parked == {kept.id}
    assert await states() == {kept.key: "waiting", lost.key: "processing"}
    (row,) = [row for row in await rows(items) if row.id == kept.id]
    assert (row.owner, row.waiting_since is not None) == (None, True)
