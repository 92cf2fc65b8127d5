"""Webhook events: what happens to items, written for each endpoint that wants it, in the same commit."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import insert, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.database import now
from agents.runtime.journal.gateway_schema import webhook_deliveries, webhook_endpoints
from agents.runtime.journal.quick import fetch
from agents.runtime.journal.schema import items
from agents.runtime.model.lifecycle import Event
from agents.runtime.trace_context import claim_of

KINDS: Mapping[Event, str] = {
    Event.PARK: "waiting",
    Event.DECIDE: "decided",
    Event.COMPLETE: "ended",
    Event.END_FAILED: "ended",
    Event.END_COMPENSATED: "ended",
    Event.END_CANCELLED: "ended",
    Event.ABANDON: "ended",
    Event.SKIP: "ended",
    Event.DISCARD: "ended",
    Event.DEAD_LETTER: "dead-lettered",
    Event.REPLAY: "resumed",
    Event.RESTART: "resumed",
    Event.REOPEN: "resumed",
}
"""The second part of an event's type, such as orders.ended; other events are the journal's own affair."""

AT_ONCE = 1_000  # ids in one statement
_ENDPOINTS = select(
    webhook_endpoints.c.id, webhook_endpoints.c.tenant, webhook_endpoints.c.events
).where(webhook_endpoints.c.enabled == true())
_DELIVERIES = insert(webhook_deliveries).values(
    at=now(), due_at=now(), status="waiting", attempts=0
)


async def announce(connection: AsyncConnection, ids: Sequence[int], event: Event) -> None:
    """Write a delivery for each endpoint that wants the event of these items; they have moved already.

    Without an endpoint this costs one statement, and only for the events of `KINDS`.
    """
    kind = KINDS.get(event)
    if kind is None or not ids:
        return
    endpoints = await fetch(connection, _ENDPOINTS, {})
    for start in range(0, len(ids) if endpoints else 0, AT_ONCE):
        wanted = select(
            *(items.c.id, items.c.tenant, items.c.scenario, items.c.key, items.c.sequence),
            *(items.c.state, items.c.outcome, items.c.fence, items.c.trace, items.c.traceparent),
        ).where(items.c.id.in_(ids[start : start + AT_ONCE]))
        found = (await connection.execute(wanted)).all()
        if rows := list(_rows(found, endpoints, kind)):
            await connection.execute(_DELIVERIES, rows)


def _rows(found: Sequence[Any], endpoints: Sequence[Any], kind: str) -> Iterator[dict[str, Any]]:
    by_tenant: dict[str, list[tuple[str, frozenset[str]]]] = {}
    for endpoint in endpoints:
        events = frozenset(json.loads(endpoint.events))
        by_tenant.setdefault(endpoint.tenant, []).append((endpoint.id, events))
    for item in found:
        event = f"{item.scenario}.{kind}"
        for endpoint_id, events in by_tenant.get(item.tenant, ()):
            if events & {event, f"{item.scenario}.*"}:
                yield {
                    "endpoint": endpoint_id,
                    "message": f"evt_{item.trace}_{item.id}_{item.sequence}",
                    "event": event,
                    "item": item.id,
                    "sequence": item.sequence,
                    "data": _data_of(item),
                    "traceparent": claim_of(
                        item.trace, item.key, item.fence, item.traceparent
                    ).header,
                }


def _data_of(item: Any) -> str:
    """What the event says: how the item stands after it, and nothing of the item's own data."""
    return orjson.dumps(
        {
            "workflow": item.scenario,
            "key": item.key,
            "state": item.state,
            "outcome": item.outcome,
            "sequence": item.sequence,
        }
    ).decode()
