"""What is not delivered, and which processes live, as metrics: messages, webhooks and leases."""

from sqlalchemy import case, func, literal_column, select, text

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.gateway_schema import webhook_deliveries, webhook_endpoints
from agents.runtime.journal.schema import UNSETTLED, dead_messages, items, outbox, owners
from agents.runtime.journal.workers import is_alive
from agents.runtime.metrics import (
    DEAD_MESSAGES,
    DELIVERIES,
    DELIVERIES_LATE,
    ENDPOINTS_DISABLED,
    ENDPOINTS_FAILING,
    LEASES,
    MESSAGES,
    MESSAGES_OLDEST,
    ORPHANS,
)
from agents.runtime.model.item import NoticeStatus
from agents.runtime.monitor.queues import Readings

GAUGES = (
    *(DEAD_MESSAGES, DELIVERIES, DELIVERIES_LATE, ENDPOINTS_DISABLED, ENDPOINTS_FAILING),
    *(LEASES, MESSAGES, MESSAGES_OLDEST, ORPHANS),
)
UNSENT = tuple(status for status in NoticeStatus if status is not NoticeStatus.SENT)


async def show_delivery(database: Database, until: float) -> None:
    """Export what is not delivered until this time of the monotonic clock."""
    readings = Readings()
    await _read_messages(database, readings)
    await _read_webhooks(database, readings)
    await _read_leases(database, readings)
    readings.show(GAUGES, until)


async def _read_messages(database: Database, readings: Readings) -> None:
    interrupted = (outbox.c.status == NoticeStatus.SENDING) & ~is_alive(outbox.c.owner)
    status = case((interrupted, NoticeStatus.UNKNOWN.value), else_=outbox.c.status).label(
        "standing"
    )
    counted = select(
        status, func.count().label("number"), (now() - func.min(outbox.c.at)).label("oldest")
    )
    dead = select(func.count()).where(dead_messages.c.status == "open")
    async with database.read() as connection:
        rows = await connection.execute(counted.where(text(UNSETTLED)).group_by("standing"))
        found = {row.standing: (row.number, row.oldest) for row in rows}
        readings.set(DEAD_MESSAGES, await connection.scalar(dead) or 0)
    for one in UNSENT:
        number, oldest = found.get(one, (0, 0.0))
        readings.set(MESSAGES, number, one)
        readings.set(MESSAGES_OLDEST, oldest, one)


async def _read_webhooks(database: Database, readings: Readings) -> None:
    deliveries, endpoints = webhook_deliveries.c, webhook_endpoints.c
    waiting = deliveries.status == literal_column("'waiting'")  # as the partial index has it
    late = select(func.count().label("number"), (now() - func.min(deliveries.due_at)).label("late"))
    dead = select(func.count()).where(deliveries.status == literal_column("'dead'"))
    failing = endpoints.enabled & endpoints.failing_since.is_not(None)
    disabled = ~endpoints.enabled & endpoints.disabled_because.is_not(None)
    states = select(
        func.count().filter(failing).label("failing"),
        func.count().filter(disabled).label("disabled"),
    )
    async with database.read() as connection:
        row = (await connection.execute(late.where(waiting))).one()
        readings.set(DELIVERIES, row.number, "waiting")
        readings.set(DELIVERIES_LATE, max(row.late or 0.0, 0.0))
        readings.set(DELIVERIES, await connection.scalar(dead) or 0, "dead")
        state = (await connection.execute(states.select_from(webhook_endpoints))).one()
    readings.set(ENDPOINTS_FAILING, state.failing)
    readings.set(ENDPOINTS_DISABLED, state.disabled)


async def _read_leases(database: Database, readings: Readings) -> None:
    alive = owners.c.beat_at + owners.c.lease > now()
    counted = select(
        func.count().filter(alive).label("alive"), func.count().filter(~alive).label("expired")
    )
    held = select(func.count()).where(items.c.owner.is_not(None), ~is_alive(items.c.owner))
    async with database.read() as connection:
        row = (await connection.execute(counted.select_from(owners))).one()
        readings.set(ORPHANS, await connection.scalar(held) or 0)
    readings.set(LEASES, row.alive, "alive")
    readings.set(LEASES, row.expired, "expired")
