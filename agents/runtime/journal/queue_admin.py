"""What operators do to queues: pause and resume one, limit its rate, move an item within it."""

from typing import Literal

import orjson
from sqlalchemy import delete, func, select, text, update

from agents.runtime.errors import AgentError
from agents.runtime.journal import Journal
from agents.runtime.journal.database import now
from agents.runtime.journal.fair_queueing import SPACING
from agents.runtime.journal.operator_actions import OperatorAction, apply_event, find_locked
from agents.runtime.journal.rate_limits import WHOLE_QUEUE
from agents.runtime.journal.schema import READY, items, queues, rates
from agents.runtime.journal.statements import insert_many, insert_new, insert_or_replace
from agents.runtime.model.lifecycle import Event

QueueEnd = Literal["front", "back"]


class BadRate(AgentError):
    """A rate or burst outside of its limits."""

    def __init__(self, field: str, limit: str) -> None:
        super().__init__(field, limit)
        self.field, self.limit = field, limit

    def __str__(self) -> str:
        return f"{self.field} must be {self.limit}; to stop a queue, pause it"


async def pause(journal: Journal, scenario: str, by: str, reason: str) -> None:
    """Hand out no item of the queue until it is resumed; items that are held continue."""
    pause_record = orjson.dumps({"by": by, "reason": reason}).decode()
    async with journal.database.write() as connection:
        new = insert_new(connection, queues, scenario=scenario, virtual=now(), at=now())
        await connection.execute(new)
        paused = update(queues).where(queues.c.scenario == scenario).values(paused=pause_record)
        await connection.execute(paused)


async def resume(journal: Journal, scenario: str) -> None:
    """Hand out items again; nothing changes if the queue is not paused."""
    async with journal.database.write() as connection:
        await connection.execute(
            update(queues).where(queues.c.scenario == scenario).values(paused=None)
        )


async def limit_rate(
    journal: Journal,
    scenario: str,
    per_second: float | None,
    burst: int = 1,
    tenant: str = WHOLE_QUEUE,
) -> None:
    """Hand out at most `per_second` items a second, and `burst` of them at once.

    The limit is of the whole queue, or of one tenant in it; None removes it. Raises BadRate.
    """
    this_rate = (rates.c.scenario == scenario) & (rates.c.tenant == tenant)
    if per_second is not None and not 0 < per_second <= 1e6:
        raise BadRate("per_second", "more than 0 and at most 1,000,000")
    if not 1 <= burst <= 1_000_000:
        raise BadRate("burst", "1 to 1,000,000")
    async with journal.database.write() as connection:
        if per_second is None:
            await connection.execute(delete(rates).where(this_rate))
            return
        row = {"scenario": scenario, "tenant": tenant, "per_second": per_second, "burst": burst}
        statement = insert_or_replace(connection, rates).values(due_at=0.0, turn_at=0.0)
        await insert_many(connection, statement, [row])


async def move(journal: Journal, action: OperatorAction, to: QueueEnd) -> None:
    """Move a pending item to the front or back of its queue; a delayed item becomes due now.

    Raises UnknownItem, and IllegalTransition if the item is not pending.
    """
    ready = (items.c.scenario == action.scenario) & text(READY)
    first, last = func.min(items.c.rank) - SPACING, func.max(items.c.rank) + SPACING
    async with journal.database.write() as connection:
        row = await find_locked(connection, journal, action)
        rank = await connection.scalar(select(first if to == "front" else last).where(ready))
        placed = {"rank": row.rank if rank is None else rank, "retry_at": None}
        await apply_event(connection, row, Event.MOVE, action.detail(to=to), **placed)
