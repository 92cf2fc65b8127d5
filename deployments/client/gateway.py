"""The client itself: one connection pool, one key, one API version."""

from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from deployments.client import lines
from deployments.client.connection import Connection, new_key, path_of
from deployments.client.conversations import Conversation
from deployments.client.errors import GatewayError
from deployments.client.models import Accepted, Event, Item, LineAnswer
from deployments.client.retries import Retries
from deployments.client.server_sent_events import EVENTS, events


class Gateway:
    """The gateway at `url`, for one API key.

    Each request that changes something carries an Idempotency-Key, so that it can be sent again after
    a broken connection and still happens once. Use it as an asynchronous context manager.

    Args:
        url: Where the gateway is, such as http://127.0.0.1:8000.
        key: The API key or JSON Web Token.
        version: The dated API version that the program was written for; "" for that of the key.
        retries: How often a request is sent again.
        transport: Another transport than the network, for tests.

    All methods raise GatewayError, or httpx.TransportError if the gateway cannot be reached.

    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        version: str = "",
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        if version:
            headers["Agent-Flows-Version"] = version
        self._connection = Connection(url, headers, retries or Retries(), transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._connection.close()

    async def submit(
        self, workflow: str, body: Any, *, idempotency_key: str | None = None
    ) -> Accepted:
        """Submit one item, once.

        Args:
            workflow: The name of the workflow, such as "orders".
            body: The item, as JSON.
            idempotency_key: The same for each attempt of one request; a random one otherwise.

        """
        headers = {"Idempotency-Key": idempotency_key or new_key()}
        answer = await self.request("POST", path_of("v", workflow), json=body, headers=headers)
        return Accepted.of(answer.json())

    async def submit_many(
        self, workflow: str, bodies: Iterable[Any], *, idempotency_key: str | None = None
    ) -> AsyncIterator[LineAnswer]:
        """Submit many items; the answers come in their order while the items are accepted.

        A bad item has an error of its own and stops nothing. With the same `idempotency_key` and the
        same bodies, a call that broke off can be repeated.
        """
        key, path = idempotency_key or new_key(), path_of("v", workflow)
        for part in lines.parts(bodies):
            batch = lines.Batch(self._connection, path, f"{key}-{part.first}", part)
            async for answer in batch.answers():
                yield answer

    async def get(self, workflow: str, key: str) -> Item:
        """One item with its history. Raises NotFound."""
        answer = await self.request("GET", path_of("v", workflow, key))
        return Item.of(workflow, answer.json(), answer.headers.get("etag", ""))

    async def items(self, workflow: str, **filters: str | float) -> AsyncIterator[Item]:
        """The items of a workflow that the filters select, page after page.

        Filters are those of the list in /openapi.json, such as state="dead_lettered".
        """
        async for row in self.rows(path_of("v", workflow), "items", filters, page="cursor"):
            yield Item.of(workflow, row)

    async def act(
        self, item: Item, act: str, reason: str, *, seen: bool = True, **form: Any
    ) -> Mapping[str, Any]:
        """Act on an item, once: cancel, decide, edit, replay, discard or restart.

        Args:
            item: The item as it was got.
            act: The name of the act.
            reason: Why; it is kept.
            seen: Do nothing if the item has changed since it was got.
            form: What the act needs, such as verdict="approve".

        Returns what the act did. Raises Conflict if the item does not allow it now, or has changed.

        """
        headers = {"Idempotency-Key": new_key()}
        if seen and item.etag:
            headers["If-Match"] = item.etag
        path = path_of("v", item.workflow, item.key, act)
        answer = await self.request("POST", path, json={"reason": reason, **form}, headers=headers)
        done: Mapping[str, Any] = answer.json()
        return done

    async def events(self, path: str, *, last: str = "") -> AsyncIterator[Event]:
        """The server-sent events of a path, also over broken connections, until the caller stops.

        Args:
            path: Such as /events/orders, for all orders.
            last: The id of the last event that is known; the events after it come.

        """
        while True:
            async for attempt in self._connection.retries.each():
                try:
                    async for event in self._events(path, last):
                        last = event.id or last
                        yield event
                    await self._connection.retries.rest()  # the gateway ends a stream now and then
                    break
                except (httpx.TransportError, GatewayError) as error:
                    attempt.failed(error)

    async def follow(self, workflow: str, key: str, *, last: str = "") -> AsyncIterator[Event]:
        """What happens to an item, until it has ended: `event`, `stage`, and at the last `end`.

        Without the id of the `last` known event it begins with the item's last one. Raises NotFound.
        """
        async for event in self.events(path_of("events", workflow, key), last=last):
            yield event
            if event.name == "end":
                return

    async def begin_conversation(self) -> Conversation:
        """Begin a conversation of the customer that the key talks as."""
        answer = await self.request(
            "POST", "/conversations", headers={"Idempotency-Key": new_key()}
        )
        return Conversation(self._connection, answer.json()["id"])

    def conversation(self, conversation: str) -> Conversation:
        """The conversation with this id."""
        return Conversation(self._connection, conversation)

    async def rows(
        self,
        path: str,
        member: str,
        parameters: Mapping[str, str | float] | None = None,
        *,
        page: str = "after",
    ) -> AsyncIterator[Mapping[str, Any]]:
        """The rows of a list in its order, over all of its pages.

        Args:
            path: Such as /audit.
            member: What has the rows in an answer, such as "entries".
            parameters: The filters of the list.
            page: The parameter that takes `next` of the page before.

        """
        wanted = dict(parameters or {})
        while True:
            found = (await self.request("GET", path, params=wanted)).json()
            for row in found[member]:
                yield row
            if found["next"] is None:
                return
            wanted[page] = found["next"]

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Any request of the API; one that changes something needs an Idempotency-Key."""
        return await self._connection.request(method, path, **options)

    async def _events(self, path: str, last: str) -> AsyncIterator[Event]:
        headers = {"Accept": EVENTS} | ({"Last-Event-ID": last} if last else {})
        async with self._connection.streamed("GET", path, headers=headers) as answer:
            async for event in events(answer):
                yield event
