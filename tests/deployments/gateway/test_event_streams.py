"""Events of items as a stream: in order, none missed over a break, and none of another tenant."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from agents.runtime.context import runtime
from agents.runtime.journal import item_feed
from agents.runtime.journal.database import now
from agents.runtime.journal.item_feed import Feed
from deployments.gateway import event_streams
from deployments.gateway.access import Principal
from tests.deployments.gateway.conftest import _NAMED, ADMIN, Connect
from tests.deployments.gateway.item_states import accepted, asking, change, dead
from tests.deployments.gateway.orders import order

OTHER = replace(ADMIN, name="eve", tenant="other")
WHY = {"reason": "the customer asked"}
SECONDS = 10.0  # for an event to come


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """SQLite alone: what differs in SQL is tested at the journal."""
    return sqlite_url


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_streams, "QUICK", 0.01)
    monkeypatch.setattr(event_streams, "SLOW", 0.02)


@dataclass
class Event:
    """One event as a browser gets it."""

    kind: str
    id: str
    data: Any


class Stream:
    """A stream that a browser has opened."""

    def __init__(self) -> None:
        self.status = 0
        self._parts: asyncio.Queue[bytes] = asyncio.Queue()
        self._held = b""

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            await self._parts.put(message.get("body", b""))

    async def next(self) -> Event:
        """The next event."""
        async with asyncio.timeout(SECONDS):
            while b"\n\n" not in self._held:
                self._held += await self._parts.get()
        text, _, self._held = self._held.partition(b"\n\n")
        if text.startswith(b":"):
            return await self.next()
        fields = dict(line.split(": ", 1) for line in text.decode().splitlines())
        return Event(fields["event"], fields.get("id", ""), orjson.loads(fields["data"]))


@asynccontextmanager
async def opened(
    app: FastAPI, path: str, principal: Principal = ADMIN, last: str = ""
) -> AsyncIterator[Stream]:
    """Open a stream, and break it off after the block."""
    _NAMED[principal.name] = principal
    headers = {"host": "127.0.0.1", "x-test-principal": principal.name}
    headers |= {"last-event-id": last} if last else {}
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    gone, stream, is_sent = asyncio.Event(), Stream(), False

    async def receive() -> dict[str, Any]:
        nonlocal is_sent
        if not is_sent:
            is_sent = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    running = asyncio.create_task(app(scope, receive, stream.send))
    try:
        yield stream
    finally:
        gone.set()
        async with asyncio.timeout(SECONDS):
            await running


def key(number: int = 0) -> str:
    found: str = order(number)["order_id"]
    return found


async def test_an_item_is_followed_to_its_end(gateway: FastAPI, client: httpx.AsyncClient) -> None:
    path = await asking(client)
    async with opened(gateway, f"/events/orders/{key()}") as stream:
        first, step = await stream.next(), await stream.next()
        assert (first.kind, first.id, first.data["event"]) == ("event", "1", "accept")
        assert (step.kind, step.data["agent"], step.data["status"]) == (
            "stage",
            "approve_order",
            "waiting",
        )
        await client.post(f"{path}/decide", json=WHY | {"verdict": "approve"})
        decided = await stream.next()
        assert (decided.id, decided.data["by"], decided.data["state"]) == ("2", "ann", "pending")
        await change(path, state="completed", outcome="shipped", ended_at=3.0)
        end = await stream.next()
        assert (end.kind, end.data) == ("end", {"state": "completed", "outcome": "shipped"})


async def test_after_a_break_an_item_goes_on_where_it_was(
    gateway: FastAPI, client: httpx.AsyncClient
) -> None:
    path = await dead(client)
    for act in ("replay", "cancel"):
        await client.post(f"{path}/{act}", json=WHY)
    async with opened(gateway, f"/events/orders/{key()}", last="1") as stream:
        found = [await stream.next(), await stream.next()]
        assert [(one.id, one.data["event"]) for one in found] == [("2", "replay"), ("3", "cancel")]
        assert found[1].data["after"] >= 0


async def test_all_items_are_followed_over_a_break(
    gateway: FastAPI, client: httpx.AsyncClient
) -> None:
    async with opened(gateway, "/events/orders") as stream:
        await asyncio.sleep(0)
        await accepted(client)
        first = await stream.next()
        assert (first.kind, first.data["key"], first.data["kind"]) == ("item", key(), "accepted")
    path = await asking(client, 1)  # while nobody listens
    await change(path, waiting_since=now())
    await change(f"/{key()}", state="completed", outcome="shipped", ended_at=now())
    async with opened(gateway, "/events/orders", last=first.id) as stream:
        found = [await stream.next() for _ in range(4)]
        assert {(one.data["key"], one.data["kind"]) for one in found} == {
            (key(), "accepted"),
            (key(1), "accepted"),
            (key(1), "waiting"),
            (key(), "ended"),
        }


async def test_what_is_committed_late_is_given_once(client: httpx.AsyncClient) -> None:
    """An item whose time is before that of others may be committed after them."""
    feed = Feed(runtime().journal, "orders", await item_feed.time_now(runtime().journal) - 10)
    await accepted(client)
    assert [event.key for event in await feed.read()] == [key()]
    await accepted(client, 1)
    await change(f"/{key(1)}", accepted_at=now() - 5)
    given = [event.key for _ in range(2 * item_feed.READ_AGAIN) for event in await feed.read()]
    assert given == [key(1)]


async def test_a_feed_goes_on_after_more_events_than_one_read_gives(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_feed, "MOST", 2)
    feed = Feed(runtime().journal, "orders", 0.0)
    for number in range(5):
        await accepted(client, number)
    reads = [len(await feed.read()) for _ in range(4)]
    assert reads == [2, 2, 1, 0]


async def test_events_of_another_tenant_never_appear(
    gateway: FastAPI, client: httpx.AsyncClient, connect: Connect
) -> None:
    await accepted(client)
    other = connect(OTHER)
    theirs, nobodys = (
        await other.get(f"/events/orders/{key()}"),
        await other.get("/events/orders/W0"),
    )
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert theirs.text.replace(key(), "W0") == nobodys.text
    async with opened(gateway, "/events/orders", OTHER, last="1") as stream:
        answer = await other.post("/v/orders", json=order(1))
        assert answer.status_code == 202
        assert (await stream.next()).data["key"] == key(1)


async def test_streams_are_bounded_and_leave_their_place(
    gateway: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_streams, "MOST_OF_TENANT", 1)
    path = await accepted(client)
    async with opened(gateway, f"/events/orders/{key()}") as stream:
        await stream.next()
        answer = await client.get(f"/events/orders/{key()}")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")
    await change(path, state="completed", ended_at=3.0)
    assert (await client.get(f"/events/orders/{key()}")).status_code == 200
    assert gateway.state.streams.open["default"] == 0


async def test_ids_that_are_of_no_event_are_refused(client: httpx.AsyncClient) -> None:
    await accepted(client)
    for bad in ("x", "-1", "1.2.3", "1e9", "٣", "9" * 21, "."):
        for path in ("/events/orders", f"/events/orders/{key()}"):
            answer = await client.get(path, params={"after": bad})
            assert answer.status_code == 422, (bad, path)
