"""Lists over HTTP: filters and pages of the caller's own items, and replays of many at a rate."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from agents.runtime.context import runtime
from agents.runtime.journal.schema import items
from deployments.gateway.access import Scope
from tests.deployments.gateway.conftest import ADMIN, Connect
from tests.deployments.gateway.item_states import accepted, asking, change, dead, events
from tests.deployments.gateway.orders import order

OTHER = replace(ADMIN, name="eve", tenant="other")


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """SQLite alone: what differs in SQL is tested at the journal."""
    return sqlite_url


def key(number: int) -> str:
    found: str = order(number)["order_id"]
    return found


async def listed(client: httpx.AsyncClient, **wanted: Any) -> list[str]:
    """The keys of all pages."""
    found: list[str] = []
    while True:
        answer = await client.get("/v/orders", params=wanted)
        assert answer.status_code == 200, answer.text
        found += [row["key"] for row in answer.json()["items"]]
        if (cursor := answer.json()["next"]) is None:
            return found
        wanted["cursor"] = cursor


async def test_items_are_listed_by_each_filter(client: httpx.AsyncClient) -> None:
    for number in range(4):
        await accepted(client, number)
    await asking(client, 4)
    await dead(client, 5, error="Carrier away, ask bob@example.com")
    await change(f"/{key(1)}", retry_at=4e9)
    everything = [key(number) for number in reversed(range(6))]
    wanted: list[tuple[dict[str, Any], list[str]]] = [
        ({}, everything),
        ({"limit": 1}, everything),
        ({"state": "dead_lettered"}, [key(5)]),
        ({"waiting": "person"}, [key(4)]),
        ({"waiting": "retry"}, [key(1)]),
        ({"agent": "book_shipment"}, [key(5)]),
        ({"error": "carrier AWAY"}, [key(5)]),
        ({"customer": order(2)["customer"]["id"]}, [key(2)]),
        ({"key_prefix": key(3)[:-1]}, sorted(k for k in everything if k.startswith(key(3)[:-1]))),
        ({"version": "2"}, []),
        ({"older_than": 3600}, []),
        ({"younger_than": 3600, "limit": 4}, everything),
        ({"outcome": "shipped"}, []),
    ]
    for given, expected in wanted:
        assert await listed(client, **given) == expected, given
    [row] = (await client.get("/v/orders", params={"state": "dead_lettered"})).json()["items"]
    assert (row["agent"], row["error"]) == ("book_shipment", "Carrier away, ask [redacted]")
    assert (await client.get(row["status"])).json()["key"] == key(5)


async def test_a_cursor_is_of_one_tenant_list_and_filter(
    client: httpx.AsyncClient, connect: Connect
) -> None:
    for number in range(2):
        await accepted(client, number)
    cursor = (await client.get("/v/orders", params={"limit": 1})).json()["next"]
    assert key(1).encode() not in cursor.encode()
    other = connect(OTHER)
    refused = [
        await other.get("/v/orders", params={"cursor": cursor}),
        await client.get("/v/changes", params={"cursor": cursor}),
        await client.get("/v/orders", params={"cursor": cursor, "state": "pending"}),
        *[
            await client.get("/v/orders", params={"cursor": bad})
            for bad in (cursor[:-2], "A" + cursor[1:], "", "%", "ü", "a" * 1_999)
        ],
    ]
    assert {answer.status_code for answer in refused} == {422}
    assert {answer.json()["field"] for answer in refused} == {"cursor"}


async def test_other_tenants_see_none_of_it(client: httpx.AsyncClient, connect: Connect) -> None:
    await dead(client)
    other = connect(OTHER)
    assert (await other.get("/v/orders")).json() == {"items": [], "next": None}
    answer = await other.post("/v/orders/replay", json={"reason": "mine"})
    assert answer.json() == {"keys": [], "seconds": 0.0, "remaining": 0}


async def test_bad_filters_name_field_and_rule(client: httpx.AsyncClient) -> None:
    bad: dict[str, Any] = {
        "state": "gone",
        "limit": 501,
        "older_than": "nan",
        "younger_than": -1,
        "customer": "",
        "waiting": "bus",
        "tenant": "other",
    }
    for field, value in bad.items():
        answer = await client.get("/v/orders", params={field: value})
        assert answer.status_code == 422, field
        assert answer.json()["field"].endswith(field)
    assert (await client.get("/v/nothing")).status_code == 404


async def test_many_are_replayed_at_a_rate_and_none_twice(client: httpx.AsyncClient) -> None:
    for number in range(5):
        await dead(client, number, agent="capture_payment" if number == 4 else "book_shipment")
    form = {"reason": "the carrier is back", "agent": "book_shipment", "per_minute": 60, "most": 3}
    first = (await client.post("/v/orders/replay", json=form)).json()
    assert first == {"keys": [key(0), key(1), key(2)], "seconds": 2.0, "remaining": 1}
    second = (await client.post("/v/orders/replay", json=form)).json()
    assert second == {"keys": [key(3)], "seconds": 0.0, "remaining": 0}
    assert await events(f"/{key(0)}") == ["accept", "replay"]
    async with runtime().journal.database.read() as connection:
        waits = await connection.execute(select(items.c.key, items.c.retry_at))
        due = {row.key: row.retry_at for row in waits}
    assert due[key(0)] is None
    assert due[key(2)] - due[key(1)] == pytest.approx(1.0, abs=0.9)
    kinds = {"reason": "x", "error_type": "Nothing"}
    assert (await client.post("/v/orders/replay", json=kinds)).json()["keys"] == []


async def test_a_replay_that_would_take_hours_is_refused(
    client: httpx.AsyncClient, connect: Connect
) -> None:
    form = {"reason": "slowly", "per_minute": 1, "most": 61}
    answer = await client.post("/v/orders/replay", json=form)
    assert (answer.status_code, answer.json()["limit"]) == (422, 60)
    reader = connect(replace(ADMIN, name="rita", scopes=frozenset({Scope.READ})))
    assert (await reader.post("/v/orders/replay", json=form)).status_code == 403
