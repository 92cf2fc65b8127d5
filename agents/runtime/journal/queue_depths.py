"""How deep a tenant's queue is and how fast it is served, from a bounded part of its indexes."""

from dataclasses import dataclass

from sqlalchemy import func, select

from agents.runtime.journal import Journal
from agents.runtime.journal.database import now
from agents.runtime.journal.queue import WINDOW
from agents.runtime.journal.schema import items, queues
from agents.runtime.model.lifecycle import State

MOST = 10_000


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """The items of one tenant that wait in a queue.

    `waiting` is MOST for MOST or more, and `served` at most MOST items over the last minute, which is
    of all tenants. `oldest` is the age of the oldest in seconds, and `paused` why the queue is paused.
    """

    scenario: str
    waiting: int
    oldest: float | None
    served: float
    paused: str | None

    @property
    def drain(self) -> float | None:
        """Seconds until all are served at the rate of the last minute; None if none was served."""
        if not self.waiting:
            return 0.0
        return self.waiting / self.served if self.served else None


async def depth_of(journal: Journal, scenario: str) -> QueueDepth:
    """The depth of the tenant's queue of this scenario."""
    pending = (
        select(items.c.accepted_at)
        .where(items.c.scenario == scenario, items.c.state == State.PENDING)
        .where(items.c.tenant == journal.tenant)
    )
    oldest = pending.order_by(items.c.accepted_at, items.c.id).limit(1).scalar_subquery()
    ended = select(items.c.id).where(items.c.scenario == scenario)
    lately = ended.where(items.c.ended_at > now() - WINDOW).limit(MOST)
    paused = select(queues.c.paused).where(queues.c.scenario == scenario).scalar_subquery()
    query = select(
        select(func.count()).select_from(pending.limit(MOST).subquery()).label("waiting"),
        (now() - oldest).label("oldest"),
        select(func.count()).select_from(lately.subquery()).label("ended"),
        paused.label("paused"),
    )
    async with journal.database.read() as connection:
        row = (await connection.execute(query)).one()
    return QueueDepth(scenario, row.waiting, row.oldest, row.ended / WINDOW, row.paused)
