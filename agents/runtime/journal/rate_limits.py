"""Rates: how many items a second a queue, or one tenant of it, may hand out; bursts included.

The generic cell rate algorithm with one number a rate, kept in the journal: it survives restarts,
and all consumers share it. Source: ITU-T I.371, the virtual scheduling form.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.database import now
from agents.runtime.journal.schema import rates
from agents.runtime.journal.statements import assign

WHOLE_QUEUE = ""  # the tenant in the row of a queue's own rate


async def admit(
    connection: AsyncConnection, scenario: str, candidates: Sequence[Row[Any]]
) -> list[int]:
    """The ids of those candidates that may go now, in their order.

    An item that its tenant's rate keeps back is told when to come again, so that it does not stand
    in the others' way; one that only the queue's rate keeps back stays in its place.
    """
    query = select(rates, now().label("at")).where(rates.c.scenario == scenario)
    found = (await connection.execute(query.with_for_update())).all()
    buckets = {row.tenant: Bucket(row) for row in found}
    whole, admitted, later = buckets.get(WHOLE_QUEUE), list[int](), dict[int, float]()
    for candidate in candidates:
        own = buckets.get(candidate.tenant)
        if whole is not None and whole.wait() > 0:
            break
        if own is not None and own.wait() > 0:
            later[candidate.id] = own.turn()
            continue
        for bucket in filter(None, (whole, own)):
            bucket.take()
        admitted.append(candidate.id)
    await assign(connection, "retry_at", later)
    for tenant, bucket in buckets.items():
        await connection.execute(
            update(rates)
            .where(rates.c.scenario == scenario, rates.c.tenant == tenant)
            .values(due_at=bucket.due_at, turn_at=bucket.turn_at)
        )
    return admitted


class Bucket:
    """One rate: `due_at` is when the next item would be due without bursts.

    `turn_at` is the last time that an item which was kept back was told to come again.
    """

    def __init__(self, row: Row[Any]) -> None:
        self._now: float = row.at
        self._gap: float = 1.0 / row.per_second
        self._burst: int = row.burst
        rested = row.due_at < row.at  # nobody came for some turns: let those who come now have them
        self.due_at: float = max(row.due_at, row.at)
        self.turn_at: float = 0.0 if rested else row.turn_at

    def wait(self) -> float:
        """Seconds until one more item may go; none or less if it may go now."""
        return self._free_at() - self._now

    def take(self) -> None:
        """One item goes."""
        self.due_at += self._gap

    def turn(self) -> float:
        """When an item that is kept back is to come again: a gap after the one before it."""
        self.turn_at = max(self.turn_at + self._gap, self._free_at())
        return self.turn_at

    def _free_at(self) -> float:
        return self.due_at - (self._burst - 1) * self._gap
