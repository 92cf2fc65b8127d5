"""The order of a queue follows what ended: skilled forecasts order it, wrong ones do not, people may forbid it."""

import random
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, insert, update

from agents.runtime.context import Runtime
from agents.runtime.journal.completion import end
from agents.runtime.journal.gateway_schema import audit as audit_log
from agents.runtime.journal.order import judge, order_of
from agents.runtime.journal.queue import Queue, claim_first
from agents.runtime.journal.queue_admin import hold_to_fifo, order_by_forecast
from agents.runtime.journal.schema import items, queues, steps
from agents.runtime.model.item import Item, Notice
from agents.runtime.model.lifecycle import Event, State
from tests.agents.runtime.jobs import rows
from tests.agents.runtime.journal.test_precedence import (
    all_claimed,
    by_forecast,
    claimed,
    enqueue,
)

STEP = {"agent": "work", "occurrence": 0, "version": "1", "status": "done", "attempts": 1}
ENDED = 120


async def complete(
    journal: Runtime, seconds: dict[str, tuple[float, float]], until: float = 0.0
) -> None:
    """Items that arrived at once and were served one by one: the forecast and the outcome of each.

    The last one ends `until` seconds from now.
    """
    await enqueue(journal, {key: expected for key, (expected, _) in seconds.items()})
    database, owner = journal.journal.database, journal.lease.id
    taken = []
    while some := await claim_first(database, owner, Queue("jobs")):
        taken += some
    held = {
        row.key: Item(row.id, "t", "jobs", row.key, row.fence, State.PROCESSING, "", None)
        for row in taken
    }
    ended: dict[int, Sequence[Notice]] = dict.fromkeys([item.id for item in held.values()], ())
    await end(database, owner, list(held.values()), Event.COMPLETE, ended)
    arrived = at = time.time() + until - sum(took for _, took in seconds.values())
    worked, times = [], []
    for key, (_, took) in seconds.items():
        begun, at = at, at + took
        worked.append(STEP | {"item": held[key].id, "started_at": begun, "at": at})
        times.append({"which": held[key].id, "ended": at, "accepted": arrived})
    async with database.write() as connection:
        await connection.execute(insert(steps), worked)
        changed: dict[str, Any] = {
            "ended_at": bindparam("ended"),
            "accepted_at": bindparam("accepted"),
        }
        this = items.c.id == bindparam("which")
        await connection.execute(update(items).where(this).values(changed), times)


async def judged(journal: Runtime) -> str:
    """What the next judgement says, as if some time had passed since the last one."""
    database = journal.journal.database
    async with database.write() as connection:
        await connection.execute(update(queues).values(judged_at=queues.c.judged_at - 60.0))
    await judge(database, "jobs")
    return str(await order_of(database, "jobs"))


def drawn(name: str, *, skilled: bool, count: int = ENDED) -> dict[str, tuple[float, float]]:
    draw = random.Random(name)
    pairs = [(draw.lognormvariate(0, 1), draw.lognormvariate(0, 1)) for _ in range(count)]
    return {f"{name}{n:03}": (s if skilled else f, s) for n, (f, s) in enumerate(pairs)}


async def test_skilled_forecasts_order_the_queue_until_they_are_wrong(opened: Runtime) -> None:
    await complete(opened, drawn("good", skilled=True))
    assert (await judged(opened)).startswith("shortest first, concordance 1.00, ageing after ")
    await enqueue(opened, {"long": 9.0, "short": 1.0})
    assert await all_claimed(opened) == ["short", "long"]
    await complete(opened, drawn("wrong", skilled=False, count=200), until=900.0)
    assert (await judged(opened)).startswith("first in, first out, concordance 0.")
    await enqueue(opened, {"longer": 9.0, "shorter": 1.0})
    assert await all_claimed(opened) == ["longer", "shorter"]


async def test_a_queue_without_forecasts_and_one_with_few_stay_first_in_first_out(
    opened: Runtime,
) -> None:
    assert str(await order_of(opened.journal.database, "jobs")) == "first in, first out"
    await enqueue(opened, {"a": None})
    assert await all_claimed(opened) == ["a"]
    assert await judged(opened) == "first in, first out"
    await complete(opened, drawn("few", skilled=True, count=20))
    assert await judged(opened) == "first in, first out, concordance 1.00"


async def test_tasks_of_workflows_do_not_age(opened: Runtime) -> None:
    """They wait for each other, so how long they have waited says nothing."""
    await complete(opened, drawn("task", skilled=True))
    async with opened.journal.database.write() as connection:
        await connection.execute(update(items).values(precedence=-items.c.expected))
    assert await judged(opened) == "shortest first, concordance 1.00"


async def test_an_operator_holds_a_queue_to_first_in_first_out(opened: Runtime) -> None:
    await enqueue(opened, {"a": 0.5, "b": 0.1, "c": 0.5, "d": 0.1})
    await by_forecast(opened)
    await hold_to_fifo(opened.journal, "jobs", "ann", "odd forecasts")
    held = await order_of(opened.journal.database, "jobs")
    assert str(held) == "first in, first out, held by an operator"
    assert await claimed(opened, 2) == ["a", "b"]
    await order_by_forecast(opened.journal, "jobs", "ann", "they are good again")
    assert await claimed(opened, 2) == ["d", "c"]
    acts = [entry.act for entry in await rows(audit_log)]
    assert acts == ["hold-to-fifo", "order-by-forecast"]
