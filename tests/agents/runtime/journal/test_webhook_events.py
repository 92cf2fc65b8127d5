"""Each step of an item that outsiders may want to hear of is announced, in the order of its history."""

from typing import Any

import orjson
import pytest
from sqlalchemy import select

from agents.runtime.context import Runtime
from agents.runtime.errors import PermanentError
from agents.runtime.execution.decorator import agent
from agents.runtime.journal import webhook_endpoints as endpoints
from agents.runtime.journal.gateway_schema import webhook_deliveries
from agents.runtime.journal.operator_actions import decide, discard, replay
from agents.runtime.journal.webhook_endpoints import NewEndpoint
from agents.runtime.model.policies import PURE
from tests.agents.runtime.jobs import Job, Provider, effect_of, jobs, run, undo_of
from tests.agents.runtime.journal.operators import (
    ONE,
    TOO_OFTEN,
    Question,
    action,
    plan_outage,
    resume,
)

pytestmark = pytest.mark.usefixtures("no_waits")


async def announced(opened: Runtime) -> list[tuple[str, str, str | None]]:
    """The events so far, each with the item's state and outcome after it."""
    query = select(webhook_deliveries).order_by(webhook_deliveries.c.id)
    async with opened.journal.database.read() as connection:
        rows = (await connection.execute(query)).all()
    found = [(row.event, orjson.loads(row.data)) for row in rows]
    assert [data["sequence"] for _, data in found] == sorted(row.sequence for row in rows)
    return [(event.partition(".")[2], data["state"], data["outcome"]) for event, data in found]


async def listen(opened: Runtime, *events: str) -> None:
    new = NewEndpoint("https://shop.example/hooks", events or ("jobs.*",))
    await endpoints.create(opened.journal, new, "ann")


async def test_a_dead_letter_that_is_replayed_and_then_discarded(
    opened: Runtime, provider: Provider
) -> None:
    await listen(opened)
    plan_outage(provider, times=2 * TOO_OFTEN)
    step = effect_of(provider)
    await run(ONE, step)
    assert await replay(opened.journal, action())
    await resume(step)
    await discard(opened.journal, action())
    assert await announced(opened) == [
        ("dead-lettered", "dead_lettered", None),
        ("resumed", "pending", None),
        ("dead-lettered", "dead_lettered", None),
        ("ended", "failed", "discarded"),
    ]


async def test_an_item_that_asks_a_person_and_completes(opened: Runtime) -> None:
    await listen(opened)
    ask = Question().agent
    await run(ONE, ask)
    await decide(opened.journal, action(), approved=True)
    await resume(ask)
    assert await announced(opened) == [
        ("waiting", "waiting", None),
        ("decided", "pending", None),
        ("ended", "completed", "job completed"),
    ]


async def test_an_item_that_is_undone(opened: Runtime, provider: Provider) -> None:
    await listen(opened)

    @agent(PURE)
    def refuse(_job: Job) -> None:
        raise PermanentError("never")

    await run(ONE, effect_of(provider, undo=undo_of(provider)), refuse)
    assert [(event, state) for event, state, _ in await announced(opened)] == [
        ("ended", "compensated")
    ]


async def test_a_batch_is_announced_once_for_each_item_and_endpoint(
    opened: Runtime, provider: Provider
) -> None:
    await listen(opened, "jobs.ended")
    await listen(opened, "jobs.*")
    await listen(opened, "jobs.waiting", "orders.*")
    await run(jobs(20), effect_of(provider))
    query: Any = select(webhook_deliveries.c.message, webhook_deliveries.c.endpoint)
    async with opened.journal.database.read() as connection:
        rows = (await connection.execute(query)).all()
    assert (len(rows), len({row.message for row in rows})) == (40, 20)
