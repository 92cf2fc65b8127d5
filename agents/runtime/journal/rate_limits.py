"""Rate limits: how many items a second a queue, or one tenant of it, hands out, with bursts.

The generic cell rate algorithm with one number for each limit. It is stored in the journal, so it
survives restarts and all consumers share it. Source: ITU-T I.371, the virtual scheduling form.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.database import now
from agents.runtime.journal.precedence import Turn
from agents.runtime.journal.schema import rates
from agents.runtime.journal.statements import assign
from agents.runtime.model.policies import LONGEST_WAIT

WHOLE_QUEUE = ""  # the tenant in the row of a queue's own rate


async def admit(
    connection: AsyncConnection, scenario: str, candidates: Sequence[Turn]
) -> list[int]:
    """The ids of the candidates that may be claimed now, in their order.

    An item beyond its tenant's rate gets a time to come back, so that it does not block others. An
    item beyond the queue's rate only stays in its place.
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
            later[candidate.id] = own.next_turn()
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
    """One rate limit: `due_at` is the time at which the next item is due without bursts.

    `turn_at` is the latest time at which an item beyond the rate comes back.
    """

    def __init__(self, row: Row[Any]) -> None:
        self._now: float = row.at
        self._gap: float = 1.0 / row.per_second
        self._burst: int = row.burst
        unused = row.due_at < row.at  # items that come now may take the turns that were not used
        wrong = row.due_at > row.at + self._burst * self._gap  # later than any burst: see waits.py
        self.due_at: float = row.at if wrong else max(row.due_at, row.at)
        self.turn_at: float = 0.0 if unused or wrong else row.turn_at

    def wait(self) -> float:
        """Seconds until one more item may be claimed; zero or less if it may be claimed now."""
        return self._free_at() - self._now

    def take(self) -> None:
        """Count one item."""
        self.due_at += self._gap

    def next_turn(self) -> float:
        """The time at which an item beyond the rate comes back: one gap after the one before it.

        It comes back within LONGEST_WAIT, perhaps before its turn; then it gets another time.
        """
        latest = self._now + LONGEST_WAIT
        self.turn_at = min(max(self.turn_at + self._gap, self._free_at()), latest)
        return self.turn_at

    def _free_at(self) -> float:
        return self.due_at - (self._burst - 1) * self._gap
