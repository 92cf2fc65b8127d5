"""What happens to items, as server-sent events: of one item, or of all of the caller's in a workflow.

After a break the browser sends the id of the last event, and the stream goes on there. Source: WHATWG,
HTML, Server-sent events.
"""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel
from sqlalchemy import Row

from agents.runtime.context import runtime
from agents.runtime.journal import Journal
from agents.runtime.journal.item_feed import (
    Feed,
    ItemNow,
    events_after,
    stand_of,
    steps_of,
    time_now,
)
from agents.runtime.model.lifecycle import ENDED
from agents.runtime.redaction import redacted
from agents.runtime.shutdown import Stop
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.api_versions import ApiVersion, Version
from deployments.gateway.item_events import Moment, happening
from deployments.gateway.item_views import is_storable
from deployments.gateway.problems import Problem
from deployments.gateway.tenancy import journal_of, unknown_item, workflow_named

router = APIRouter(prefix="/events", tags=["events"], default_response_class=EventSourceResponse)

MOST_STREAMS = 200  # of one process
MOST_OF_TENANT = 50
QUICK, SLOW = 0.5, 2.0  # seconds between two looks: while something happens, and while nothing does
ENDED_RETRY = 60_000  # milliseconds until a browser asks again about an item that has ended
LONGEST_ID = 20  # characters


@dataclass(slots=True)
class Streams:
    """The streams that are open in this process, by tenant."""

    open: Counter[str] = field(default_factory=Counter)

    def take(self, tenant: str) -> None:
        """Count a stream more. Raises Problem 429."""
        if self.open.total() >= MOST_STREAMS or self.open[tenant] >= MOST_OF_TENANT:
            raise Problem(
                429,
                "too-many-streams",
                f"{self.open[tenant]} streams of yours are open",
                "close one, or read the item from time to time",
                limit=MOST_OF_TENANT,
                headers={"Retry-After": "10"},
            )
        self.open[tenant] += 1

    def leave(self, tenant: str) -> None:
        """Count a stream less."""
        self.open[tenant] -= 1


async def _place(request: Request, principal: Caller) -> AsyncIterator[None]:
    """A place among the open streams, until the answer has ended. Raises Problem 429."""
    state = request.app.state
    if not hasattr(state, "streams"):
        state.streams = Streams()
    streams: Streams = state.streams
    streams.take(principal.tenant)
    try:
        yield
    finally:
        streams.leave(principal.tenant)


LastEvent = Annotated[str | None, Header(alias="last-event-id", max_length=LONGEST_ID)]
After = Annotated[str | None, Query(max_length=LONGEST_ID, description="as Last-Event-ID")]


def _number(last_event: str | None, after: str | None) -> float | None:
    """The number of the last event that the caller has, if it says so. Raises Problem 422."""
    given = after if last_event is None else last_event
    if given is None:
        return None
    whole, _, rest = given.partition(".")
    if not (whole.isascii() and whole.isdecimal() and (rest == "" or rest.isdecimal())):
        raise Problem(
            422,
            "unknown-event",
            "the id is not that of an event",
            "send the id of the last event as it was, or none",
            field="Last-Event-ID",
        )
    return float(given)


class StageChange(BaseModel):
    """Where a step of an agent stands now."""

    agent: str
    occurrence: int
    status: str
    failed_attempts: int
    at: Moment
    error: str


def _stage(row: Row[Any]) -> StageChange:
    return StageChange(
        agent=row.agent,
        occurrence=row.occurrence,
        status=row.status,
        failed_attempts=row.attempts,
        at=row.at,
        error=redacted(row.error or ""),
    )


@dataclass(frozen=True, slots=True)
class Followed:
    """An item that a caller follows, from the event after `sequence` on."""

    journal: Journal
    workflow: str
    key: str
    sequence: int
    now: ItemNow
    version: ApiVersion
    stop: Stop


async def _followed(  # noqa: PLR0913 - parameters of a route
    workflow: str,
    key: str,
    principal: Caller,
    version: Version,
    last_event_id: LastEvent = None,
    after: After = None,
) -> Followed:
    _ = workflow_named(workflow)
    journal, number = journal_of(principal), _number(last_event_id, after)
    found = await stand_of(journal, workflow, key) if is_storable(key) else None
    if found is None:
        raise unknown_item(workflow, key)
    sequence = found.sequence - 1 if number is None else int(number)
    return Followed(journal, workflow, key, sequence, found, version, runtime().stop)


@router.get(
    "/{workflow}/{key:path}",
    dependencies=[
        allow(Scope.READ, Scope.SUBMIT, objects="an item of the caller's tenant"),
        Depends(_place),
    ],
)
async def follow_item(
    followed: Annotated[Followed, Depends(_followed)],
) -> AsyncIterator[ServerSentEvent]:
    """Each event of the item as `event`, each change of a step as `stage`, and `end` once it has ended.

    It begins after the event with the given id, without one with the item's last event.
    """
    async for event in _item_events(followed):
        yield event


async def _item_events(followed: Followed) -> AsyncIterator[ServerSentEvent]:
    journal, now, sequence = followed.journal, followed.now, followed.sequence
    known: dict[tuple[str, int], StageChange] = {}
    seen, pause = (-1, 0.0), QUICK
    while True:
        if is_new := (now.sequence > sequence or now.steps != seen):
            for row in await events_after(journal, now.id, sequence):
                data, sequence = happening(row, row.before), row.sequence
                yield ServerSentEvent(event="event", id=str(sequence), data=data)
            for row in await steps_of(journal, now.id):
                stage = _stage(row)
                if known.get((row.agent, row.occurrence)) != stage:
                    known[row.agent, row.occurrence] = stage
                    yield ServerSentEvent(event="stage", data=stage)
            seen = now.steps
        if now.state in ENDED and now.sequence <= sequence:
            ending = {"state": now.state, "outcome": now.outcome}
            end = followed.version.downcast_event(followed.workflow, ending)
            yield ServerSentEvent(event="end", data=end, retry=ENDED_RETRY)
            return
        pause = QUICK if is_new else min(pause * 2, SLOW)
        await followed.stop.wait(pause)
        found = await stand_of(journal, followed.workflow, followed.key)
        if followed.stop.asked or found is None:
            return
        now = found


class FeedItem(BaseModel):
    """An item was accepted, waits for a person, or has ended."""

    key: str
    kind: str
    at: Moment
    sequence: int
    state: str
    outcome: str | None


async def _feed(
    workflow: str, principal: Caller, last_event_id: LastEvent = None, after: After = None
) -> Feed:
    _ = workflow_named(workflow)
    journal, number = journal_of(principal), _number(last_event_id, after)
    return Feed(journal, workflow, await time_now(journal) if number is None else number)


@router.get(
    "/{workflow}",
    dependencies=[
        allow(Scope.READ, objects="items of the caller's tenant"),
        Depends(_place),
    ],
)
async def follow_all(
    workflow: str, version: Version, feed: Annotated[Feed, Depends(_feed)]
) -> AsyncIterator[ServerSentEvent]:
    """Each item that is accepted, waits for a person, or has ended, as `item`.

    After a break the last seconds are sent again, so that nothing is missed: key, kind and sequence
    say which event it is. A wait that is decided within two seconds may be left out.
    """
    stop, pause = runtime().stop, QUICK
    while not stop.asked:
        found = await feed.read()
        for one in found:
            data = FeedItem(**{name: getattr(one, name) for name in FeedItem.model_fields})
            body = version.downcast_event(workflow, data.model_dump(mode="json"))
            yield ServerSentEvent(event="item", id=f"{feed.place:.6f}", data=body)
        pause = QUICK if found else min(pause * 2, SLOW)
        await stop.wait(pause)
