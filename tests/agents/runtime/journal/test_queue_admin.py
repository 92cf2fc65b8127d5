"""What operators do to queues: pause, resume, move an item."""

import time

import pytest

from agents.runtime.context import Runtime
from agents.runtime.errors import IllegalTransition
from agents.runtime.journal.operator_actions import OperatorAction, UnknownItem
from agents.runtime.journal.queries import item_history
from agents.runtime.journal.queue_admin import move, pause, resume
from agents.runtime.journal.schema import queues
from tests.agents.runtime.jobs import change, rows
from tests.agents.runtime.journal.test_fair_queueing import next_keys, send


def action(key: str) -> OperatorAction:
    return OperatorAction("jobs", key, "ann", "the customer called")


async def test_a_paused_queue_hands_out_nothing_until_it_is_resumed(opened: Runtime) -> None:
    await send(opened, opened.journal.tenant, 2)
    await pause(opened.journal, "jobs", "ann", "the warehouse is closed")
    assert await next_keys(opened, 2) == []
    (queue,) = await rows(queues)
    assert "the warehouse is closed" in queue.paused
    await resume(opened.journal, "jobs", "ben", "it is open again")
    assert len(await next_keys(opened, 2)) == 2


async def test_an_item_is_moved_to_either_end_and_its_history_says_who_did_it(
    opened: Runtime,
) -> None:
    await send(opened, opened.journal.tenant, 4)
    await move(opened.journal, action("default-normal-2"), "front")
    await move(opened.journal, action("default-normal-0"), "back")
    assert [key[-1] for key in await next_keys(opened, 4)] == ["2", "1", "3", "0"]
    found = await item_history(opened.journal, "jobs", "default-normal-2")
    assert found is not None
    (moved,) = [row for row in found.history if row.event == "move"]
    assert "ann" in moved.detail


async def test_a_delayed_item_is_due_when_it_is_moved(opened: Runtime) -> None:
    await send(opened, opened.journal.tenant, 2)
    await change("default-normal-1", retry_at=time.time() + 900)
    await move(opened.journal, action("default-normal-1"), "front")
    assert [key[-1] for key in await next_keys(opened, 2)] == ["1", "0"]


async def test_only_pending_items_can_be_moved(opened: Runtime) -> None:
    await send(opened, opened.journal.tenant, 1)
    await next_keys(opened, 1)
    with pytest.raises(IllegalTransition):
        await move(opened.journal, action("default-normal-0"), "front")
    with pytest.raises(UnknownItem):
        await move(opened.journal, action("nothing"), "front")
