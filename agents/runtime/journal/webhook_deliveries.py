"""Deliveries of webhook events in SQL: which are due, the claim of each by a lease, and its result.

A delivery that a process has claimed is due again when its lease ends, so one whose process died is
repeated. Of an item's events an endpoint gets one after the other, in the order of its history.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.gateway_schema import (
    webhook_attempts,
    webhook_deliveries,
    webhook_endpoints,
)

LEASE = 60.0  # seconds; longer than any attempt takes
LONGEST_WAIT = 86_400.0  # seconds; a longer one was written under a wrong clock
REST = 5.0  # seconds for which an endpoint that failed is left alone
FAILING_SECONDS = 86_400.0  # an endpoint where nothing arrived for so long is disabled
DELIVERED_KEPT = 30 * 86_400.0
DEAD_KEPT = 90 * 86_400.0
FORGOTTEN_AT_ONCE = 1_000

deliveries, endpoints, attempts = webhook_deliveries, webhook_endpoints, webhook_attempts
_IS_WAITING = deliveries.c.status == literal_column("'waiting'")  # as the partial indexes have it
# When a delivery is due: each alone reads an index from its front, both in one would sort all that wait.
DUE = (
    and_(_IS_WAITING, deliveries.c.due_at <= now()),
    and_(_IS_WAITING, deliveries.c.due_at > now() + LONGEST_WAIT),
)


class DeliveryStatus(StrEnum):
    """How a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that this process has claimed with the token `owner`; `attempts` counts this one.

    `at` is when the event was, in seconds since 1970.
    """

    id: int
    endpoint: str
    message: str
    event: str
    data: str
    at: float
    attempts: int
    owner: str
    item: int
    sequence: int
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where an endpoint is, the secrets that sign for it now, and the API version it is pinned to."""

    id: str
    url: str
    version: str
    secrets: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Target({self.id})"  # secrets stay out of logs


@dataclass(frozen=True, slots=True)
class Attempt:
    """What an attempt came to.

    Args:
        due: The delivery.
        status: The HTTP status of the answer; None if there was none.
        answer: The beginning of the answer, or why there was none.
        seconds: How long it took.
        wait: Seconds until the next attempt; None: there is none.
        rest: Seconds for which the receiver asks to be left alone.
        gone: Whether the receiver says that it wants no events any more.

    """

    due: Due
    status: int | None
    answer: str
    seconds: float
    wait: float | None = None
    rest: float = 0.0
    gone: bool = False

    @property
    def arrived(self) -> bool:
        """Whether the receiver has taken the event."""
        return self.status is not None and 200 <= self.status < 300


async def targets_with_due(database: Database) -> list[Target]:
    """The enabled endpoints for which a delivery is due."""
    theirs = select(deliveries.c.id).where(deliveries.c.endpoint == endpoints.c.id)
    is_due = or_(*(theirs.where(when).exists() for when in DUE))
    rests = endpoints.c.rest_until.between(now(), now() + LONGEST_WAIT)
    old = case((endpoints.c.old_until > now(), endpoints.c.old_secret), else_=None)
    columns = (endpoints.c.id, endpoints.c.url, endpoints.c.version, endpoints.c.secret)
    query = (
        select(*columns, old.label("old"))
        .where(endpoints.c.enabled == true(), is_due)
        .where(or_(endpoints.c.rest_until.is_(None), ~rests))
    )
    async with database.read() as connection:
        rows = (await connection.execute(query)).all()
    return [
        Target(row.id, row.url, row.version, (row.secret, row.old) if row.old else (row.secret,))
        for row in rows
    ]


async def claim(database: Database, endpoint: str, most: int) -> list[Due]:
    """Claim due deliveries of an endpoint, the oldest first: of each item the first that waits."""
    async with database.write() as connection:
        for when in DUE:
            if claimed := await _claim(connection, endpoint, when, most):
                return claimed
    return []


async def _claim(
    connection: AsyncConnection, endpoint: str, when: ColumnElement[bool], most: int
) -> list[Due]:
    before = deliveries.alias()
    waits_for_another = select(before.c.id).where(
        before.c.status == literal_column("'waiting'"),
        before.c.endpoint == deliveries.c.endpoint,
        before.c.item == deliveries.c.item,
        before.c.sequence < deliveries.c.sequence,
    )
    chosen = (
        select(deliveries.c.id)
        .where(deliveries.c.endpoint == endpoint, when, ~waits_for_another.exists())
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    owner = uuid4().hex
    columns = (deliveries.c.id, deliveries.c.endpoint, deliveries.c.message, deliveries.c.event)
    more = (deliveries.c.data, deliveries.c.at, deliveries.c.attempts, deliveries.c.owner)
    of_item = (deliveries.c.item, deliveries.c.sequence, deliveries.c.traceparent)
    statement = (
        update(deliveries)
        .where(deliveries.c.id.in_(chosen))
        .values(owner=owner, due_at=now() + LEASE, attempts=deliveries.c.attempts + 1)
        .returning(*columns, *more, *of_item)
    )
    rows = (await connection.execute(statement)).all()
    return sorted((Due(*row) for row in rows), key=lambda due: due.id)


async def settle(database: Database, endpoint: str, made: Sequence[Attempt]) -> str:
    """Write what attempts at one endpoint came to, in one transaction.

    An attempt whose lease has ended changes only the list of attempts: another process has the
    delivery. Returns why the endpoint is disabled by this, else an empty text.
    """
    async with database.write() as connection:
        await connection.execute(
            insert(attempts).values(at=now()),
            [
                {
                    "delivery": one.due.id,
                    "seconds": one.seconds,
                    "status": one.status,
                    "answer": one.answer,
                }
                for one in made
            ],
        )
        for one in made:
            await _write_result(connection, one)
        if any(one.arrived for one in made):
            await _write_success(connection, endpoint)
            return ""
        await _write_failure(connection, endpoint, made)
        return await _disable_failing(connection, endpoint, made)


async def _write_result(connection: AsyncConnection, one: Attempt) -> None:
    values: dict[str, Any] = {"owner": None}
    if one.arrived:
        values |= {"status": DeliveryStatus.DELIVERED, "ended_at": now()}
    elif one.wait is None:
        values |= {"status": DeliveryStatus.DEAD, "ended_at": now()}
    else:
        values |= {"due_at": now() + one.wait}
    mine = and_(deliveries.c.id == one.due.id, deliveries.c.owner == one.due.owner)
    await connection.execute(update(deliveries).where(mine, _IS_WAITING).values(**values))
    if one.wait is not None and not one.arrived:
        await _delay_later(connection, one.due, one.wait)


async def _delay_later(connection: AsyncConnection, due: Due, seconds: float) -> None:
    """Let the later events of the item wait as long: who looks for what is due need not pass over them."""
    later = and_(
        deliveries.c.endpoint == due.endpoint,
        deliveries.c.item == due.item,
        deliveries.c.sequence > due.sequence,
        deliveries.c.due_at < now() + seconds,
    )
    await connection.execute(
        update(deliveries).where(_IS_WAITING, later).values(due_at=now() + seconds)
    )


async def _write_success(connection: AsyncConnection, endpoint: str) -> None:
    failing = and_(endpoints.c.id == endpoint, endpoints.c.failing_since.is_not(None))
    healthy = {"failing_since": None, "rest_until": None}
    await connection.execute(update(endpoints).where(failing).values(**healthy))


async def _write_failure(
    connection: AsyncConnection, endpoint: str, made: Sequence[Attempt]
) -> None:
    failed = {
        "failing_since": func.coalesce(endpoints.c.failing_since, now()),
        "rest_until": now() + max(REST, *(one.rest for one in made)),
    }
    await connection.execute(update(endpoints).where(endpoints.c.id == endpoint).values(**failed))


async def _disable_failing(
    connection: AsyncConnection, endpoint: str, made: Sequence[Attempt]
) -> str:
    """Disable the endpoint if it is gone, or if a delivery died while nothing arrived for a day."""
    if any(one.gone for one in made):
        reason, when = "it answered 410 Gone", endpoints.c.enabled == true()
    elif any(one.wait is None for one in made):
        reason = "nothing has arrived for a day"
        when = endpoints.c.failing_since <= now() - FAILING_SECONDS
    else:
        return ""
    disabled = await connection.execute(
        update(endpoints)
        .where(endpoints.c.id == endpoint, endpoints.c.enabled == true(), when)
        .values(enabled=False, disabled_because=reason)
    )
    return reason if disabled.rowcount else ""


async def forget_old(database: Database) -> int:
    """Delete what ended long ago, and what deleted endpoints left; returns how many deliveries."""
    has_endpoint = select(endpoints.c.id).where(endpoints.c.id == deliveries.c.endpoint).exists()
    useless = or_(
        _ended_before(DeliveryStatus.DELIVERED, DELIVERED_KEPT),
        _ended_before(DeliveryStatus.DEAD, DEAD_KEPT),
        and_(_IS_WAITING, ~has_endpoint),  # announced while the endpoint was deleted
    )
    chosen = select(deliveries.c.id).where(useless).limit(FORGOTTEN_AT_ONCE)
    forgotten = 0
    while True:
        async with database.write() as connection:
            ids = list(await connection.scalars(chosen))
            await connection.execute(delete(attempts).where(attempts.c.delivery.in_(ids)))
            await connection.execute(delete(deliveries).where(deliveries.c.id.in_(ids)))
        forgotten += len(ids)
        if len(ids) < FORGOTTEN_AT_ONCE:
            return forgotten


def _ended_before(status: DeliveryStatus, seconds: float) -> ColumnElement[bool]:
    return and_(deliveries.c.status == status, deliveries.c.ended_at < now() - seconds)
