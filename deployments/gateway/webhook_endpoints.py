"""Webhook endpoints over HTTP: a tenant registers where it wants events of its items, and sees what arrived."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Query
from pydantic import BaseModel, Field

from agents.runtime.context import runtime
from agents.runtime.errors import TransientError
from agents.runtime.journal import Journal
from agents.runtime.journal import webhook_endpoints as endpoints
from agents.runtime.journal.webhook_deliveries import DeliveryStatus
from agents.runtime.journal.webhook_endpoints import (
    Delivery,
    Endpoint,
    EndpointAct,
    Issued,
    NewEndpoint,
    TooManyEndpoints,
    UnknownDelivery,
    UnknownEndpoint,
)
from agents.runtime.journal.webhook_events import KINDS
from agents.runtime.shutdown import Stop
from agents.services.fetching.addresses import AddressNotAllowed
from agents.services.fetching.posting import Poster
from agents.workflow.webhook_delivery import Sender, WebhookEvent
from deployments.gateway.access import Caller, Principal, Scope, allow
from deployments.gateway.api_versions import versions
from deployments.gateway.problems import Problem
from deployments.gateway.tenancy import journal_of
from flows.workflows import WORKFLOWS


@asynccontextmanager
async def _sending(_app: FastAPI) -> AsyncIterator[None]:
    """Deliver events while the application runs; other processes may do so too."""
    opened, stop = runtime(), Stop()
    sender = Sender(opened.journal.database, _poster(), versions().event)
    running = asyncio.create_task(sender.run(stop))
    try:
        yield
    finally:
        stop.ask()
        await running


router = APIRouter(prefix="/webhook-endpoints", tags=["webhooks"], lifespan=_sending)
ALLOWED = allow(Scope.OPERATE, objects="webhook endpoints of the caller's tenant")
LONGEST_URL = 2_000
MOST_EVENTS = 50
DeliveryId = Annotated[int, Path(ge=1, le=2**63 - 1)]

events = APIRouter()
"""What tenants' own servers answer, for the description of the API."""


@events.post("item-event")
def item_event(body: WebhookEvent) -> None:
    """An event of an item, sent to the endpoints that want it, at least once.

    The headers webhook-id, webhook-timestamp and webhook-signature are those of Standard Webhooks: verify
    the signature with the endpoint's secret, refuse what is older than five minutes, and skip an id that
    you have handled. Any status of 2xx takes the event; else it is sent again over a day, then it can be
    redelivered. Of one item an endpoint gets the events in their order.
    """


class EndpointRequest(BaseModel, extra="forbid"):
    """An endpoint to register."""

    url: str = Field(max_length=LONGEST_URL, examples=["https://shop.example/hooks"])
    events: list[str] = Field(
        min_length=1, max_length=MOST_EVENTS, examples=[["orders.ended", "orders.dead-lettered"]]
    )
    description: str = Field("", max_length=200)
    version: str = Field("", max_length=40, description="API version; none: that of the key")


class Reason(BaseModel, extra="forbid"):
    """Why somebody acts."""

    reason: str = Field("", max_length=500)


class EndpointAnswer(BaseModel):
    """An endpoint. `old_secret_until` is when the secret before a rotation stops signing."""

    id: str
    url: str
    events: list[str]
    description: str
    version: str
    enabled: bool
    disabled_because: str | None
    failing_since: datetime | None
    old_secret_until: datetime | None
    created_at: datetime


class IssuedAnswer(EndpointAnswer):
    """An endpoint with its new secret, which is shown this once."""

    secret: str


class EndpointsAnswer(BaseModel):
    """All endpoints of the tenant, the oldest first, and the events that there are."""

    endpoints: list[EndpointAnswer]
    events: list[str]


class DeliveryAnswer(BaseModel):
    """An event and whether it has arrived. `message` is its id, the same in every attempt."""

    id: int
    message: str
    event: str
    data: dict[str, Any]
    status: DeliveryStatus
    attempts: int
    at: datetime
    next_attempt_at: datetime | None
    ended_at: datetime | None


class AttemptAnswer(BaseModel):
    """One attempt; without a status there was no answer, and `answer` says why."""

    at: datetime
    seconds: float
    status: int | None
    answer: str


class DeliveryWithAttempts(DeliveryAnswer):
    """A delivery with all of its attempts, the oldest first."""

    made: list[AttemptAnswer]


class DeliveriesAnswer(BaseModel):
    """A page of deliveries, the newest first; `next` is the `before` of the next page."""

    deliveries: list[DeliveryAnswer]
    next: int | None


class Wanted(BaseModel, extra="forbid"):
    """Which deliveries, and which page of them."""

    status: DeliveryStatus | None = None
    before: int | None = Field(None, ge=1, le=2**63 - 1)
    limit: int = Field(50, ge=1, le=200)


class Redelivered(BaseModel):
    """How many dead deliveries are sent once more."""

    redelivered: int


@router.post("", status_code=201, dependencies=[ALLOWED])
async def create(principal: Caller, body: EndpointRequest) -> IssuedAnswer:
    """Register an endpoint."""
    known = event_types()
    if unknown := [event for event in body.events if event not in known]:
        raise _invalid("events", "unknown-event", f"there is no event {unknown[0][:80]!r}")
    version = body.version or principal.version or versions().newest
    if version not in versions().names:
        raise _invalid("version", "unknown-version", f"there is no API version {version!r}")
    await _check(body.url)
    new = NewEndpoint(body.url, tuple(dict.fromkeys(body.events)), body.description, version)
    try:
        issued = await endpoints.create(journal_of(principal), new, principal.name)
    except TooManyEndpoints as error:
        raise Problem(409, "too-many-endpoints", str(error), "delete one") from None
    return _issued(issued)


@router.get("", dependencies=[ALLOWED])
async def read_all(principal: Caller) -> EndpointsAnswer:
    """All endpoints of the tenant."""
    found = await endpoints.all_of(journal_of(principal))
    return EndpointsAnswer(
        endpoints=[_endpoint(one) for one in found], events=sorted(event_types())
    )


@router.get("/{endpoint}", dependencies=[ALLOWED])
async def read(endpoint: str, principal: Caller) -> EndpointAnswer:
    """One endpoint."""
    with _known():
        return _endpoint(await endpoints.one_of(journal_of(principal), endpoint))


@router.delete("/{endpoint}", status_code=204, dependencies=[ALLOWED])
async def delete(
    endpoint: str, principal: Caller, reason: Annotated[str, Query(max_length=500)] = ""
) -> None:
    """Delete an endpoint with its deliveries."""
    with _known():
        await endpoints.remove(*_act(principal, endpoint, reason))


@router.post("/{endpoint}/rotate", dependencies=[ALLOWED])
async def rotate(endpoint: str, principal: Caller, body: Reason) -> IssuedAnswer:
    """Give an endpoint a new secret; for a day the one before signs as well."""
    with _known():
        return _issued(await endpoints.rotate(*_act(principal, endpoint, body.reason)))


@router.post("/{endpoint}/disable", dependencies=[ALLOWED])
async def disable(endpoint: str, principal: Caller, body: Reason) -> EndpointAnswer:
    """Send an endpoint nothing; events that happen meanwhile are not kept for it."""
    with _known():
        return _endpoint(await endpoints.disable(*_act(principal, endpoint, body.reason)))


@router.post("/{endpoint}/enable", dependencies=[ALLOWED])
async def enable(endpoint: str, principal: Caller, body: Reason) -> EndpointAnswer:
    """Send an endpoint events again, first those that waited."""
    with _known():
        return _endpoint(await endpoints.enable(*_act(principal, endpoint, body.reason)))


@router.post("/{endpoint}/redeliver", dependencies=[ALLOWED])
async def redeliver_dead(endpoint: str, principal: Caller, body: Reason) -> Redelivered:
    """Send all dead deliveries of an endpoint once more."""
    with _known():
        count = await endpoints.redeliver_dead(*_act(principal, endpoint, body.reason))
    return Redelivered(redelivered=count)


@router.get("/{endpoint}/deliveries", dependencies=[ALLOWED])
async def read_deliveries(
    endpoint: str, principal: Caller, wanted: Annotated[Wanted, Query()]
) -> DeliveriesAnswer:
    """The deliveries of an endpoint."""
    with _known():
        found = await endpoints.page_of_deliveries(
            *(journal_of(principal), endpoint, wanted.status, wanted.before, wanted.limit + 1)
        )
    shown = found[: wanted.limit]
    more = len(found) > len(shown)
    return DeliveriesAnswer(
        deliveries=[_delivery(one) for one in shown], next=shown[-1].id if more else None
    )


@router.get("/{endpoint}/deliveries/{delivery}", dependencies=[ALLOWED])
async def read_delivery(
    endpoint: str, delivery: DeliveryId, principal: Caller
) -> DeliveryWithAttempts:
    """One delivery with its attempts."""
    with _known():
        found, made = await endpoints.delivery_with_attempts(
            journal_of(principal), endpoint, delivery
        )
    attempts = [
        AttemptAnswer(at=_at(one.at), seconds=one.seconds, status=one.status, answer=one.answer)
        for one in made
    ]
    return DeliveryWithAttempts(**_delivery(found).model_dump(), made=attempts)


@router.post("/{endpoint}/deliveries/{delivery}/redeliver", dependencies=[ALLOWED])
async def redeliver(
    endpoint: str, delivery: DeliveryId, principal: Caller, body: Reason
) -> DeliveryAnswer:
    """Send one event once more, under the same id."""
    with _known():
        act = _act(principal, endpoint, body.reason)
        return _delivery(await endpoints.redeliver(*act, delivery))


@cache
def event_types() -> frozenset[str]:
    """Every type of event that an endpoint may name; "orders.*" stands for all of a workflow."""
    kinds = {*KINDS.values(), "*"}
    return frozenset(f"{workflow}.{kind}" for workflow in WORKFLOWS for kind in kinds)


def _poster() -> Poster:
    return Poster(frozenset(runtime().settings.webhook_allowed))


async def _check(url: str) -> None:
    """Raise Problem 422 for a URL to which nothing is sent. The answer names no inner address."""
    try:
        await _poster().check(url)
    except AddressNotAllowed as error:
        text = "its host is at no public address" if error.rule == "address" else error.reason
        raise _invalid("url", error.rule, text) from None
    except TransientError:
        raise _invalid("url", "unresolved", "its host has no address now") from None


def _invalid(field: str, rule: str, detail: str) -> Problem:
    advice = "correct it; GET /webhook-endpoints lists the events"
    return Problem(422, "invalid-endpoint", f"{field}: {detail}", advice, field=field, rule=rule)


@contextmanager
def _known() -> Iterator[None]:
    """An endpoint or delivery of another tenant is a 404, as one that does not exist."""
    try:
        yield
    except (UnknownEndpoint, UnknownDelivery) as error:
        kind = "unknown-endpoint" if isinstance(error, UnknownEndpoint) else "unknown-delivery"
        raise Problem(404, kind, str(error), "look at the list") from None


def _act(principal: Principal, endpoint: str, reason: str) -> tuple[Journal, EndpointAct]:
    return journal_of(principal), EndpointAct(endpoint, principal.name, reason)


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _maybe(seconds: float | None) -> datetime | None:
    return None if seconds is None else _at(seconds)


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.events),
        "description": endpoint.description,
        "version": endpoint.version,
        "enabled": endpoint.enabled,
        "disabled_because": endpoint.disabled_because,
        "failing_since": _maybe(endpoint.failing_since),
        "old_secret_until": _maybe(endpoint.old_until),
        "created_at": _at(endpoint.created_at),
    }


def _endpoint(endpoint: Endpoint) -> EndpointAnswer:
    return EndpointAnswer(**_shown(endpoint))


def _issued(issued: Issued) -> IssuedAnswer:
    return IssuedAnswer(**_shown(issued.endpoint), secret=issued.secret)


def _delivery(delivery: Delivery) -> DeliveryAnswer:
    waits = delivery.status is DeliveryStatus.WAITING
    return DeliveryAnswer(
        id=delivery.id,
        message=delivery.message,
        event=delivery.event,
        data=delivery.data,
        status=delivery.status,
        attempts=delivery.attempts,
        at=_at(delivery.at),
        next_attempt_at=_at(delivery.due_at) if waits else None,
        ended_at=_maybe(delivery.ended_at),
    )
