"""The sender of webhook events: signed, repeated over a day, each endpoint for itself.

Several processes may run a sender: each delivery is claimed by a lease. An endpoint gets each event at
least once, always under the same id, and those of one item in their order.
Source: Standard Webhooks, https://www.standardwebhooks.com, specification 1.0: headers, signatures,
back-off and 410 Gone.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import Any
from urllib.parse import quote

import orjson
from pydantic import BaseModel, Field
from standardwebhooks import Webhook

from agents.runtime.alerts import Alert, send
from agents.runtime.clock import clock
from agents.runtime.errors import TransientError
from agents.runtime.journal.database import Database
from agents.runtime.journal.webhook_deliveries import (
    LEASE,
    Attempt,
    Due,
    Target,
    claim,
    settle,
    targets_with_due,
)
from agents.runtime.model.lifecycle import State
from agents.runtime.shutdown import Stop
from agents.runtime.telemetry import current_work, get_logger
from agents.runtime.trace_context import read_traceparent
from agents.runtime.tracing import spanning
from agents.services.fetching.addresses import AddressNotAllowed
from agents.services.fetching.posting import Post, Posted, Poster

log = get_logger(__name__)

DELAYS = (5.0, 60.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 28_800.0, 28_800.0)  # together a day
JITTER = 0.1  # of a delay, so that what failed together is not repeated together
AT_ONCE = 8  # calls to one endpoint
LOOK_SECONDS = 1.0
GRACE = 3.0  # seconds for calls that are being made when the process stops
GONE = 410


class EventData(BaseModel):
    """What happened to an item, as it stood after the event, in the newest form.

    `sequence` orders the events of an item, with gaps; `item` is the path that tells more.
    """

    workflow: str = Field(examples=["orders"])
    key: str = Field(examples=["W1763367"])
    state: State
    outcome: str | None = Field(examples=["shipped"])
    sequence: int
    item: str = Field(examples=["/v/orders/W1763367"])


class WebhookEvent(BaseModel):
    """The body of a webhook. The header webhook-id has the event's id, the same in every attempt."""

    type: str = Field(examples=["orders.ended"])
    timestamp: datetime
    data: EventData


@dataclass(slots=True)
class Sender:
    """Delivers webhook events of all tenants; an endpoint that is slow holds up no other.

    `convert` makes what an event says of an item from API version, workflow and the newest form of it.
    `outcomes` counts the attempts by what they came to.
    """

    database: Database
    poster: Poster
    convert: Callable[[str, str, Any], Any] = lambda _version, _workflow, data: data
    outcomes: Counter[str] = field(default_factory=Counter)
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def run(self, stop: Stop, seconds: float = inf) -> None:
        """Deliver for this number of seconds, or until the process is asked to stop.

        Calls that are not answered soon then are made again, by any process.
        """
        until = clock().monotonic() + seconds
        try:
            while not stop.asked and clock().monotonic() < until:
                try:
                    await self._look(stop)
                except Exception:
                    log.exception("looking for webhook events failed, it is tried again")
                await stop.wait(LOOK_SECONDS)
        finally:
            await self._finish(GRACE)

    async def deliver_due(self) -> None:
        """Deliver what is due now, once; what fails is due later."""
        await self._look(Stop())
        await self._finish(LEASE)

    async def _look(self, stop: Stop) -> None:
        """Begin a task for each endpoint that has something due and none yet."""
        for target in await targets_with_due(self.database):
            if target.id not in self._running:
                self._running[target.id] = asyncio.create_task(self._deliver(target, stop))

    async def _finish(self, seconds: float) -> None:
        """Wait so long for what is running, and end the rest."""
        running = list(self._running.values())
        if running:
            await asyncio.wait(running, timeout=seconds)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _deliver(self, target: Target, stop: Stop) -> None:
        """Deliver to one endpoint until nothing is due, or a call fails."""
        try:
            while not stop.asked and (due := await claim(self.database, target.id, AT_ONCE)):
                made = await asyncio.gather(*(self._attempt(target, one) for one in due))
                self.outcomes.update("arrived" if one.arrived else "failed" for one in made)
                disabled = await settle(self.database, target.id, made)
                if disabled:
                    await send([Alert("webhook.disabled", "webhooks", target.id, disabled)])
                if not all(one.arrived for one in made):
                    return
        except Exception:
            log.exception("delivering to a webhook endpoint failed", endpoint=target.id)
        finally:
            del self._running[target.id]

    async def _attempt(self, target: Target, due: Due) -> Attempt:
        begun = clock().monotonic()
        try:
            with spanning("webhook", read_traceparent(due.traceparent), "PRODUCER") as attributes:
                posted = await self.poster.post(_signed(target, due, self._body(target, due)))
                attributes["http.response.status_code"] = posted.status
        except AddressNotAllowed as error:
            # The answer is the customer's to read, and where a name leads inside is not.
            result = Posted(0, f"the URL is not allowed (rule {error.rule})", None)
        except TransientError as error:
            result = Posted(0, str(error), None)
        except Exception as error:
            log.exception("a webhook event cannot be sent", endpoint=target.id, message=due.message)
            result = Posted(0, f"it cannot be sent ({type(error).__name__})", None)
        else:
            result = posted
        return _judged(due, result, clock().monotonic() - begun)

    def _body(self, target: Target, due: Due) -> bytes:
        """The event in the API version of the endpoint."""
        stored = orjson.loads(due.data)
        item = f"/v/{quote(stored['workflow'])}/{quote(stored['key'])}"
        at = datetime.fromtimestamp(due.at, UTC)
        event = WebhookEvent(type=due.event, timestamp=at, data=EventData(**stored, item=item))
        body = event.model_dump(mode="json")
        if target.version:
            body["data"] = self.convert(target.version, event.data.workflow, body["data"])
        return orjson.dumps(body)


def _signed(target: Target, due: Due, body: bytes) -> Post:
    """The request: its body, and a signature by each secret that is valid now."""
    sent_at = datetime.fromtimestamp(clock().time(), UTC)
    signatures = [
        Webhook(secret).sign(due.message, sent_at, body.decode()) for secret in target.secrets
    ]
    headers = {
        "Content-Type": "application/json",
        "webhook-id": due.message,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
    if context := current_work().within or read_traceparent(due.traceparent):
        headers["traceparent"] = context.header
    if target.version:
        headers["Agent-Flows-Version"] = target.version
    return Post(target.url, headers, body)


def _judged(due: Due, posted: Posted, seconds: float) -> Attempt:
    """What the call came to: arrived, tried again later, or dead."""
    status = posted.status or None
    gone = status == GONE
    rest = posted.retry_after or 0.0
    wait = None if gone else _delay(due.attempts)
    if wait is not None:
        wait = max(wait, rest)
    return Attempt(due, status, posted.text, seconds, wait, rest, gone)


def _delay(attempts: int) -> float | None:
    """Seconds until the next attempt after this number of them; None if there is none."""
    if attempts > len(DELAYS):
        return None
    return DELAYS[attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
