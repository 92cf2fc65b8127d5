"""Webhook endpoints in SQL: where a tenant wants which events, and the secrets that sign for it."""

import json
import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import RowMapping, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.errors import AgentError
from agents.runtime.journal import Journal, audit
from agents.runtime.journal.database import now
from agents.runtime.journal.gateway_schema import (
    webhook_attempts,
    webhook_deliveries,
    webhook_endpoints,
)
from agents.runtime.journal.webhook_deliveries import DeliveryStatus

MOST_ENDPOINTS = 20  # of a tenant: each has a delivery of each event
OVERLAP = 86_400.0  # seconds for which the secret before a rotation still signs
SECRET_BYTES = 32

endpoints, deliveries, attempts = webhook_endpoints, webhook_deliveries, webhook_attempts


class UnknownEndpoint(AgentError):
    """The tenant has no such webhook endpoint."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint)
        self.endpoint = endpoint

    def __str__(self) -> str:
        return f"there is no webhook endpoint {self.endpoint!r}: look at the list"


class UnknownDelivery(AgentError):
    """The endpoint has no such delivery."""

    def __init__(self, endpoint: str, delivery: int) -> None:
        super().__init__(endpoint, delivery)
        self.endpoint, self.delivery = endpoint, delivery

    def __str__(self) -> str:
        return f"the webhook endpoint {self.endpoint!r} has no delivery {self.delivery}"


class TooManyEndpoints(AgentError):
    """The tenant has as many endpoints as it may have."""

    def __str__(self) -> str:
        return f"there are {MOST_ENDPOINTS} webhook endpoints already: delete one"


@dataclass(frozen=True, slots=True)
class EndpointAct:
    """Who acts on which endpoint and why; the audit log keeps it."""

    endpoint: str
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """What a tenant registers.

    Args:
        url: Where the events are sent.
        events: Their types, such as orders.ended; orders.* stands for all of a workflow.
        description: The tenant's own words.
        version: The API version of the bodies.

    """

    url: str
    events: tuple[str, ...]
    description: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A registered endpoint; times in seconds since 1970. Its secrets are not among it.

    `old_until` is when the secret before a rotation stops signing, `failing_since` when the first of
    the attempts failed after which none arrived.
    """

    id: str
    url: str
    description: str
    events: tuple[str, ...]
    version: str
    enabled: bool
    disabled_because: str | None
    old_until: float | None
    failing_since: float | None
    created_at: float


@dataclass(frozen=True, slots=True)
class Issued:
    """An endpoint with the secret that was made for it now, which is shown once."""

    endpoint: Endpoint
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery of an event to an endpoint; times in seconds since 1970."""

    id: int
    message: str
    event: str
    data: dict[str, Any]
    status: DeliveryStatus
    attempts: int
    at: float
    due_at: float
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class MadeAttempt:
    """An attempt to deliver: when, how long it took, and what the receiver answered."""

    at: float
    seconds: float
    status: int | None
    answer: str


_SHOWN = tuple(endpoints.c[name] for name in Endpoint.__dataclass_fields__)
_DELIVERY = tuple(deliveries.c[name] for name in Delivery.__dataclass_fields__)


async def create(journal: Journal, new: NewEndpoint, by: str) -> Issued:
    """Register an endpoint of the journal's tenant. Raises TooManyEndpoints."""
    secret, name = _new_secret(), f"we_{secrets.token_hex(12)}"
    row = {
        "id": name,
        "tenant": journal.tenant,
        "url": new.url,
        "description": new.description,
        "events": json.dumps(new.events),
        "version": new.version,
        "secret": secret,
        "enabled": True,
    }
    async with journal.database.write() as connection:
        mine = endpoints.c.tenant == journal.tenant
        count = await connection.scalar(select(func.count()).select_from(endpoints).where(mine))
        if (count or 0) >= MOST_ENDPOINTS:
            raise TooManyEndpoints
        await connection.execute(insert(endpoints).values(created_at=now(), **row))
        found = await _found(connection, journal, name)
        act = EndpointAct(name, by, new.description)
        await _audit(connection, journal, act, "create", after=_audited(found))
    return Issued(found, secret)


async def all_of(journal: Journal) -> list[Endpoint]:
    """The endpoints of the journal's tenant, the oldest first."""
    query = select(*_SHOWN).where(endpoints.c.tenant == journal.tenant)
    async with journal.database.read() as connection:
        rows = await connection.execute(query.order_by(endpoints.c.created_at, endpoints.c.id))
        return [_endpoint(row) for row in rows.mappings()]


async def one_of(journal: Journal, endpoint: str) -> Endpoint:
    """An endpoint of the journal's tenant. Raises UnknownEndpoint."""
    async with journal.database.read() as connection:
        return await _found(connection, journal, endpoint)


async def rotate(journal: Journal, act: EndpointAct) -> Issued:
    """Give the endpoint a new secret; for a day the one before signs as well. Raises UnknownEndpoint."""
    secret = _new_secret()
    values = {"secret": secret, "old_secret": endpoints.c.secret, "old_until": now() + OVERLAP}
    return Issued(await _changed(journal, act, "rotate secret", values), secret)


async def disable(journal: Journal, act: EndpointAct) -> Endpoint:
    """Send it nothing until it is enabled again; later events are not kept for it. Raises UnknownEndpoint."""
    return await _changed(
        journal, act, "disable", {"enabled": False, "disabled_because": act.reason}
    )


async def enable(journal: Journal, act: EndpointAct) -> Endpoint:
    """Send it events again, first those that waited. Raises UnknownEndpoint."""
    healthy = dict.fromkeys(("disabled_because", "failing_since", "rest_until"))
    found = await _changed(journal, act, "enable", {"enabled": True, **healthy})
    theirs = deliveries.c.endpoint == act.endpoint
    waiting = theirs & (deliveries.c.status == DeliveryStatus.WAITING)
    async with journal.database.write() as connection:
        await connection.execute(
            update(deliveries).where(waiting, deliveries.c.owner.is_(None)).values(due_at=now())
        )
    return found


async def remove(journal: Journal, act: EndpointAct) -> None:
    """Delete the endpoint with its deliveries. Raises UnknownEndpoint."""
    name = act.endpoint
    async with journal.database.write() as connection:
        found = await _found(connection, journal, name)
        theirs = select(deliveries.c.id).where(deliveries.c.endpoint == name)
        await connection.execute(delete(attempts).where(attempts.c.delivery.in_(theirs)))
        await connection.execute(delete(deliveries).where(deliveries.c.endpoint == name))
        await connection.execute(delete(endpoints).where(endpoints.c.id == name))
        await _audit(connection, journal, act, "delete", before=_audited(found))


async def page_of_deliveries(
    journal: Journal, endpoint: str, status: DeliveryStatus | None, before: int | None, most: int
) -> list[Delivery]:
    """Deliveries of an endpoint, the newest first, those before the delivery `before`.

    Raises UnknownEndpoint.
    """
    query = select(*_DELIVERY).where(deliveries.c.endpoint == endpoint)
    if status is not None:
        query = query.where(deliveries.c.status == status)
    if before is not None:
        query = query.where(deliveries.c.id < before)
    async with journal.database.read() as connection:
        await _found(connection, journal, endpoint)
        rows = await connection.execute(query.order_by(deliveries.c.id.desc()).limit(most))
        return [_delivery(row) for row in rows.mappings()]


async def delivery_with_attempts(
    journal: Journal, endpoint: str, delivery: int
) -> tuple[Delivery, list[MadeAttempt]]:
    """A delivery and what each of its attempts came to. Raises UnknownEndpoint, UnknownDelivery."""
    made = select(attempts.c.at, attempts.c.seconds, attempts.c.status, attempts.c.answer)
    async with journal.database.read() as connection:
        found = await _found_delivery(connection, journal, endpoint, delivery)
        query = made.where(attempts.c.delivery == delivery).order_by(attempts.c.id)
        rows = (await connection.execute(query)).all()
    return found, [MadeAttempt(*row) for row in rows]


async def redeliver(journal: Journal, act: EndpointAct, delivery: int) -> Delivery:
    """Send a delivery that has ended once more, under the same id, with all of its attempts.

    One that still waits is due now. Raises UnknownEndpoint, UnknownDelivery.
    """
    async with journal.database.write() as connection:
        before = await _found_delivery(connection, journal, act.endpoint, delivery)
        # One that a process is sending now stays as it is.
        free = (deliveries.c.id == delivery) & deliveries.c.owner.is_(None)
        await connection.execute(update(deliveries).where(free).values(**_again()))
        values = {"delivery": delivery, "status": before.status}
        await _audit(connection, journal, act, "redeliver", before=values)
        return await _found_delivery(connection, journal, act.endpoint, delivery)


async def redeliver_dead(journal: Journal, act: EndpointAct) -> int:
    """Send all dead deliveries of an endpoint once more; returns how many. Raises UnknownEndpoint."""
    dead = (deliveries.c.endpoint == act.endpoint) & (deliveries.c.status == DeliveryStatus.DEAD)
    async with journal.database.write() as connection:
        await _found(connection, journal, act.endpoint)
        sent = await connection.execute(update(deliveries).where(dead).values(**_again()))
        await _audit(connection, journal, act, "redeliver", before={"dead": sent.rowcount})
    return sent.rowcount


def _again() -> dict[str, Any]:
    return {"status": DeliveryStatus.WAITING, "attempts": 0, "due_at": now(), "ended_at": None}


async def _changed(
    journal: Journal, act: EndpointAct, verb: str, values: dict[str, Any]
) -> Endpoint:
    async with journal.database.write() as connection:
        before = await _found(connection, journal, act.endpoint)
        await connection.execute(
            update(endpoints).where(endpoints.c.id == act.endpoint).values(**values)
        )
        found = await _found(connection, journal, act.endpoint)
        await _audit(connection, journal, act, verb, _audited(before), _audited(found))
    return found


def _audited(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "url": endpoint.url,
        "events": endpoint.events,
        "enabled": endpoint.enabled,
        "old_until": endpoint.old_until,
    }


async def _audit(  # noqa: PLR0913 - the columns of one entry
    connection: AsyncConnection,
    journal: Journal,
    act: EndpointAct,
    verb: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    name = f"webhook-endpoint {act.endpoint}"
    entry = audit.AuditEntry(
        journal.tenant, act.by, verb, name, act.reason, before or {}, after or {}
    )
    await audit.write(connection, entry)


async def _found(connection: AsyncConnection, journal: Journal, endpoint: str) -> Endpoint:
    mine = (endpoints.c.tenant == journal.tenant) & (endpoints.c.id == endpoint)
    row = (await connection.execute(select(*_SHOWN).where(mine))).mappings().first()
    if row is None:
        raise UnknownEndpoint(endpoint)
    return _endpoint(row)


async def _found_delivery(
    connection: AsyncConnection, journal: Journal, endpoint: str, delivery: int
) -> Delivery:
    await _found(connection, journal, endpoint)
    theirs = (deliveries.c.endpoint == endpoint) & (deliveries.c.id == delivery)
    row = (await connection.execute(select(*_DELIVERY).where(theirs))).mappings().first()
    if row is None:
        raise UnknownDelivery(endpoint, delivery)
    return _delivery(row)


def _endpoint(row: RowMapping) -> Endpoint:
    return Endpoint(**{**row, "events": tuple(json.loads(row["events"]))})


def _delivery(row: RowMapping) -> Delivery:
    values = {"data": json.loads(row["data"]), "status": DeliveryStatus(row["status"])}
    return Delivery(**{**row, **values})


def _new_secret() -> str:
    return "whsec_" + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
