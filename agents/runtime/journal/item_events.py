"""Messages about items that end: in the same commit, if a durable group subscribes to them."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.database import now
from agents.runtime.journal.quick import fetch
from agents.runtime.journal.schema import messages, subscriptions
from agents.runtime.journal.statements import insert_many, insert_new
from agents.runtime.model.item import Item
from agents.runtime.model.lifecycle import State
from agents.runtime.model.message import Topic
from agents.runtime.trace_context import TraceContext, claim_of


class ItemEnded(BaseModel, frozen=True):
    """An item of the topic's scenario has ended; `item` is its id in the journal."""

    item: int
    tenant: str
    key: str
    state: State
    outcome: str


def ended(scenario: str) -> Topic[ItemEnded]:
    """The topic on which the ends of a scenario's items are published."""
    return Topic(f"{scenario}.ended", ItemEnded)


_SUBSCRIBED = select(subscriptions.c.grp).where(subscriptions.c.topic == bindparam("name")).limit(1)


async def publish_ended(connection: AsyncConnection, items: Sequence[Item | Row[Any]]) -> None:
    """Publish, with this transaction, that these items of one scenario have ended."""
    if not items:
        return
    topic = ended(items[0].scenario)
    if not await fetch(connection, _SUBSCRIBED, {"name": topic.name}):
        return
    rows = [
        {
            "id": f"{topic.name}:{item.id}:{item.fence}",
            "topic": topic.name,
            "version": topic.version,
            "trace": _context_of(item).header,
            "body": topic.encode(_event_of(item)),
        }
        for item in items
    ]
    statement = insert_new(connection, messages, at=now(), relay_at=now())
    await insert_many(connection, statement, rows)


def _context_of(item: Item | Row[Any]) -> TraceContext:
    if isinstance(item, Item):
        return item.traced or claim_of(item.trace, item.key, item.fence)
    return claim_of(item.trace, item.key, item.fence, item.traceparent)


def _event_of(item: Item | Row[Any]) -> ItemEnded:
    return ItemEnded(
        item=item.id,
        tenant=item.tenant,
        key=item.key,
        state=item.state,
        outcome=item.outcome or item.state,
    )
