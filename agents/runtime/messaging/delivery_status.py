"""What the journal says of messages that a stream brought: only what stands in it is believed."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import and_, select

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.schema import inbox, messages, requests
from agents.runtime.journal.statements import values_of
from agents.runtime.messaging.inbox import TRYING
from agents.runtime.model.message import Envelope


class DeliveryStatus(StrEnum):
    """Whether a message is to be handled now."""

    DUE = "due"
    DONE = "done"
    TOO_EARLY = "too early"
    NOT_OURS = "not in the journal"


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """Where a message stands for one group, and how often its handling was begun in vain.

    `overdue`: it is a request whose caller no longer waits.
    """

    status: DeliveryStatus
    deliveries: int = 0
    overdue: bool = False


async def look_up(
    database: Database, group: str, some: Sequence[Envelope]
) -> dict[Envelope, DeliveryState]:
    """Where these messages stand for the group; two of one id may differ, and one be a forgery."""
    if not some:
        return {}
    earlier, theirs = messages.alias("earlier"), inbox.alias("theirs")
    done = and_(theirs.c.message == earlier.c.id, theirs.c.grp == group, theirs.c.status != TRYING)
    blocked = (
        select(earlier.c.id)
        .where(earlier.c.item == messages.c.item, earlier.c.topic == messages.c.topic)
        .where(earlier.c.sequence < messages.c.sequence, ~select(theirs.c.grp).where(done).exists())
        .exists()
    )
    mine = and_(inbox.c.message == messages.c.id, inbox.c.grp == group)
    columns = [messages.c[name] for name in Envelope.model_fields]
    overdue = (requests.c.deadline < now()).label("overdue")
    query = select(
        *columns, inbox.c.status, inbox.c.deliveries, blocked.label("blocked"), overdue
    ).select_from(
        messages.outerjoin(inbox, mine).outerjoin(requests, requests.c.message == messages.c.id)
    )
    async with database.read() as connection:
        ids = values_of(connection, [envelope.id for envelope in some])
        rows = await connection.execute(query.where(messages.c.id.in_(select(ids.c.value))))
        stored = {row.id: row for row in rows}
    return {envelope: _state_of(envelope, stored.get(envelope.id)) for envelope in some}


def _state_of(envelope: Envelope, row: object) -> DeliveryState:
    if row is None or any(getattr(row, n) != v for n, v in envelope.model_dump().items()):
        return DeliveryState(DeliveryStatus.NOT_OURS)
    status: str | None = getattr(row, "status", None)
    if status is not None and status != TRYING:
        return DeliveryState(DeliveryStatus.DONE)
    deliveries = getattr(row, "deliveries", None) or 0
    blocked = getattr(row, "blocked", False)
    status = DeliveryStatus.TOO_EARLY if blocked else DeliveryStatus.DUE
    return DeliveryState(status, deliveries, bool(getattr(row, "overdue", False)))
