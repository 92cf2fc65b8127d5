"""What operators do to queues: pause and resume one, limit its rate, move an item within it."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import orjson
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.errors import AgentError, IllegalTransition
from agents.runtime.journal import Journal, audit
from agents.runtime.journal.audit import AuditEntry
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


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `per_second` items a second, and `burst` of them at once; None is no limit.

    It is of the whole queue, or of one tenant in it.
    """

    per_second: float | None
    burst: int = 1
    tenant: str = WHOLE_QUEUE


async def pause(journal: Journal, scenario: str, by: str, reason: str) -> None:
    """Hand out no item of the queue until it is resumed; items that are held continue."""
    pause_record = orjson.dumps({"by": by, "reason": reason}).decode()
    async with journal.database.write() as connection:
        new = insert_new(connection, queues, scenario=scenario, virtual=now(), at=now())
        await connection.execute(new)
        before = await _paused(connection, scenario)
        paused = update(queues).where(queues.c.scenario == scenario).values(paused=pause_record)
        await connection.execute(paused)
        values = before, {"paused": True}
        entry = AuditEntry(journal.tenant, by, "pause", f"queue {scenario}", reason, *values)
        await audit.write(connection, entry)


async def resume(journal: Journal, scenario: str, by: str, reason: str) -> None:
    """Hand out items again; nothing changes if the queue is not paused."""
    async with journal.database.write() as connection:
        before = await _paused(connection, scenario)
        await connection.execute(
            update(queues).where(queues.c.scenario == scenario).values(paused=None)
        )
        values = before, {"paused": False}
        entry = AuditEntry(journal.tenant, by, "resume", f"queue {scenario}", reason, *values)
        await audit.write(connection, entry)


async def _paused(connection: AsyncConnection, scenario: str) -> dict[str, Any]:
    queue = select(queues.c.paused).where(queues.c.scenario == scenario)
    return {"paused": await connection.scalar(queue) is not None}


async def hold_to_fifo(journal: Journal, scenario: str, by: str, reason: str) -> None:
    """Hand out items first in, first out, whatever forecasts are worth, until it is undone."""
    held = orjson.dumps({"by": by, "reason": reason}).decode()
    entry = AuditEntry(journal.tenant, by, "hold-to-fifo", f"queue {scenario}", reason)
    await _set_fifo(journal, scenario, held, entry)


async def order_by_forecast(journal: Journal, scenario: str, by: str, reason: str) -> None:
    """Let forecasts order the queue again, while they prove good enough."""
    entry = AuditEntry(journal.tenant, by, "order-by-forecast", f"queue {scenario}", reason)
    await _set_fifo(journal, scenario, None, entry)


async def _set_fifo(journal: Journal, scenario: str, held: str | None, entry: AuditEntry) -> None:
    this_queue = queues.c.scenario == scenario
    async with journal.database.write() as connection:
        new = insert_new(connection, queues, scenario=scenario, virtual=now(), at=now())
        await connection.execute(new)
        was = await connection.scalar(select(queues.c.fifo).where(this_queue))
        await connection.execute(update(queues).where(this_queue).values(fifo=held))
        before, after = {"fifo": was is not None}, {"fifo": held is not None}
        await audit.write(connection, replace(entry, before=before, after=after))


async def limit_rate(
    journal: Journal, scenario: str, limit: RateLimit, by: str, reason: str
) -> None:
    """Set or remove a limit of the queue. Raises BadRate."""
    this_rate = (rates.c.scenario == scenario) & (rates.c.tenant == limit.tenant)
    if limit.per_second is not None and not 0 < limit.per_second <= 1e6:
        raise BadRate("per_second", "more than 0 and at most 1,000,000")
    if not 1 <= limit.burst <= 1_000_000:
        raise BadRate("burst", "1 to 1,000,000")
    async with journal.database.write() as connection:
        before = (await connection.execute(select(rates).where(this_rate))).first()
        if limit.per_second is None:
            await connection.execute(delete(rates).where(this_rate))
        else:
            row = {"scenario": scenario} | asdict(limit)
            statement = insert_or_replace(connection, rates).values(due_at=0.0, turn_at=0.0)
            await insert_many(connection, statement, [row])
        was = RateLimit(None) if before is None else RateLimit(before.per_second, before.burst)
        was = replace(was, tenant=limit.tenant)
        values = asdict(was), asdict(limit)
        entry = AuditEntry(journal.tenant, by, "limit-rate", f"queue {scenario}", reason, *values)
        await audit.write(connection, entry)


async def move(journal: Journal, action: OperatorAction, to: QueueEnd) -> None:
    """Move a pending item to the front or back of the queue of its version; a delayed item is due now.

    It keeps this place, whatever its forecast says. Raises UnknownItem, and IllegalTransition if the
    item is not pending.
    """
    first, last = func.min(items.c.rank) - SPACING, func.max(items.c.rank) + SPACING
    async with journal.database.write() as connection:
        row = await find_locked(connection, journal, action)
        if row.waiting_since is not None:
            raise IllegalTransition(row.key, row.state, Event.MOVE)
        # The index has an order for each version only.
        version = (items.c.scenario == action.scenario) & (items.c.major == row.major)
        ready = version & text(READY)
        rank = await connection.scalar(select(first if to == "front" else last).where(ready))
        placed = {"rank": row.rank if rank is None else rank, "retry_at": None, "precedence": None}
        await apply_event(connection, row, Event.MOVE, action, {"to": to}, **placed)
