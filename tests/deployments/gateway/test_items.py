"""One item over HTTP: what became of it, what it waits for, and what its caller may see."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, update

from agents.runtime.context import runtime
from agents.runtime.journal.schema import effects, history, items, steps
from agents.runtime.journal.version_use import register_versions
from agents.runtime.model.forecast import Expected, Forecast
from deployments.gateway.access import Scope
from deployments.gateway.item_views import view
from tests.deployments.gateway.conftest import ADMIN, Connect
from tests.deployments.gateway.item_states import accepted, change
from tests.deployments.gateway.orders import order


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """SQLite alone: what differs in SQL is tested at the journal."""
    return sqlite_url


OTHER = replace(ADMIN, name="eve", tenant="other")


async def test_an_order_is_accepted_and_read(client: httpx.AsyncClient) -> None:
    path, body = await accepted(client), order()
    answer = await client.get(path)
    found = answer.json()
    assert (found["key"], found["state"], found["outcome"]) == (body["order_id"], "pending", None)
    assert answer.headers["etag"] == '"1"'
    assert (found["tenant"], found["waits"]["kind"]) == ("default", "queue")
    assert found["customer_id"] == body["customer"]["id"]
    assert found["allowed"] == ["cancel", "edit"]
    assert [event["event"] for event in found["timeline"]] == ["accept"]
    assert found["accepted_at"].endswith("Z")


async def test_only_callers_who_may_act_see_personal_data(
    client: httpx.AsyncClient, connect: Connect
) -> None:
    path = await accepted(client)
    assert (await client.get(path)).json()["body"]["customer"] == order()["customer"]
    reader = connect(replace(ADMIN, name="rita", scopes=frozenset({Scope.READ})))
    assert (await reader.get(path)).json()["body"]["customer"]["email"] == "[redacted]"


async def test_an_item_of_another_tenant_is_one_that_does_not_exist(
    client: httpx.AsyncClient, connect: Connect
) -> None:
    path, other = await accepted(client), connect(OTHER)
    theirs, nobodys = await other.get(path), await other.get("/v/orders/W0")
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert theirs.text.replace(order()["order_id"], "W0") == nobodys.text


async def test_keys_may_have_any_characters(client: httpx.AsyncClient) -> None:
    await accepted(client)
    for key in ("a/b#1", "50%", "a b", "ü", "a//b", "events", "x/replay", "?x=1"):
        async with runtime().journal.database.write() as connection:
            await connection.execute(update(items).values(key=key))
        quoted = "".join(f"%{byte:02x}" for byte in key.encode())
        path = httpx.URL("http://127.0.0.1/").copy_with(raw_path=f"/v/orders/{quoted}".encode())
        assert (await client.get(path)).json()["key"] == key


async def test_keys_that_cannot_exist_are_unknown(client: httpx.AsyncClient) -> None:
    for key in ("%ff", "%ed%a0%80", ""):
        assert (await client.get(f"/v/orders/{key}")).status_code == 404


async def test_a_long_history_is_read_page_by_page(client: httpx.AsyncClient) -> None:
    path = await accepted(client)
    events = [
        {"sequence": n, "at": 1000.0 + n, "event": "move", "source": "pending", "target": "pending"}
        for n in range(2, 20_001)
    ]
    async with runtime().journal.database.write() as connection:
        await connection.execute(insert(history).values(item=1, fence=0), events)
        await connection.execute(update(items).values(sequence=20_000))
    first = (await client.get(path, params={"most": 3})).json()
    assert [event["sequence"] for event in first["timeline"]] == [20_000, 19_999, 19_998]
    assert {event["after"] for event in first["timeline"]} == {1.0}
    second = (await client.get(path, params={"most": 3, "before": first["earlier"]})).json()
    assert [event["sequence"] for event in second["timeline"]] == [19_997, 19_996, 19_995]
    last = (await client.get(path, params={"before": 3})).json()
    assert ([event["sequence"] for event in last["timeline"]], last["earlier"]) == ([2, 1], None)
    found = await view(runtime().journal, "orders", order()["order_id"], most=1_000_000)
    assert found is not None
    assert len(found.timeline) == 500


async def test_a_bad_order_names_field_and_rule(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v/orders", json=order() | {"total": 1})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["field"], answer.json()["rule"]) == ("total", "sum-mismatch")


async def test_without_credentials_nothing_is_known(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v/orders/W1", headers={"x-test-principal": ""})
    assert answer.status_code == 401


async def test_what_an_item_waits_for_is_told(client: httpx.AsyncClient) -> None:
    path = await accepted(client)

    async def found_with(**values: Any) -> dict[str, Any]:
        async with runtime().journal.database.write() as connection:
            await connection.execute(update(items).values(**values))
        found: dict[str, Any] = (await client.get(path)).json()
        return found

    assert (await found_with(retry_at=2e9))["waits"]["kind"] == "retry"
    step = {"item": 1, "agent": "capture_payment", "occurrence": 0}
    delayed = {"version": "1", "status": "delayed", "attempts": 1, "at": 1.0, "error": "no answer"}
    called = {"key": "k-1", "status": "intended", "intended_at": 0.5}
    async with runtime().journal.database.write() as connection:
        await connection.execute(insert(steps).values(**step, **delayed))
        await connection.execute(insert(effects).values(**step, **called))
    unknown = await found_with(retry_at=2e9)
    assert unknown["waits"] | {"until": ""} == {
        "kind": "provider",
        "since": None,
        "until": "",
        "agent": "capture_payment",
        "reason": "no answer",
        "process": "",
        "needs": [],
    }
    assert [(one["key"], one["status"]) for one in unknown["effects"]] == [("k-1", "intended")]
    assert unknown["stages"][0]["seconds"] == 0.5
    asking = await found_with(state="waiting", waiting_since=1.0)
    assert asking["waits"]["kind"] == "person"
    found = await found_with(state="processing", owner="gone", waiting_since=None)
    assert found["waits"]["kind"] == "process"
    assert found["waits"]["reason"] == "the process has ended; another one will take the item over"
    assert found["allowed"] == ["cancel"]


async def test_an_item_has_its_forecast_and_says_when_it_is_done(client: httpx.AsyncClient) -> None:
    path = await accepted(client)
    found = (await client.get(path)).json()
    assert (found["forecast"], found["eta"]["reason"]) == (None, "no consumer runs")
    agents = {"charge": Expected(2.0, 4.0, 2.5), "book_shipment": Expected(8.0, 20.0, 9.5)}
    tokens = Forecast(Expected(400.0, 900.0, 450.0), {}, "c3", None)
    expected = Forecast(Expected(10.0, 24.0, 12.0), agents, "7", 12.0, {"model_tokens": tokens})
    await change(path, **expected.columns())
    here, database = runtime().lease.id, runtime().journal.database
    await register_versions(database, here, "orders", [1])
    found = (await client.get(path)).json()
    assert found["eta"] == {
        "p50_seconds": 10.0,
        "p90_seconds": 24.0,
        "at_least": False,
        "reason": "",
    }
    forecast = found["forecast"]
    assert (forecast["p90_seconds"], forecast["model"], forecast["coverage"]) == (24.0, "7", None)
    assert [one["agent"] for one in forecast["agents"]] == ["book_shipment", "charge"]
    assert found["costs"] == [
        {
            "resource": "model_tokens",
            "p50": 400.0,
            "p90": 900.0,
            "mean": 450.0,
            "model": "c3",
            "coverage": None,
        }
    ]
