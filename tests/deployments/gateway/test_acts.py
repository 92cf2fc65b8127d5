"""Acts on items over HTTP: each happens once, only where it is possible, and only on the caller's items."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from agents.runtime.context import runtime
from agents.runtime.journal.gateway_schema import audit
from deployments.gateway.access import Scope
from deployments.gateway.act_forms import FORMS
from deployments.gateway.item_views import Act
from tests.deployments.gateway.conftest import ADMIN, Connect
from tests.deployments.gateway.item_states import accepted, asking, change, dead, events
from tests.deployments.gateway.orders import order

OTHER = replace(ADMIN, name="eve", tenant="other")
WHY = {"reason": "the customer asked"}
CITY = {"reason": "typo", "fields": {"address.city": "Elko"}}
BODIES: dict[Act, dict[str, Any]] = {
    Act.CANCEL: WHY,
    Act.DECIDE: WHY | {"verdict": "approve"},
    Act.EDIT: CITY,
    Act.REPLAY: WHY,
    Act.DISCARD: WHY | {"money_stays": True},
    Act.RESTART: WHY | {"agent": "book_shipment"},
    Act.SKIP: WHY,
}


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """SQLite alone: what differs in SQL is tested at the journal."""
    return sqlite_url


def same(first: httpx.Response, second: httpx.Response) -> bool:
    """Whether the second is the answer to the first one again."""
    expected = first.json() | {"repeated": True}
    return first.json()["repeated"] is False and second.json() == expected


async def test_an_order_that_asks_is_approved_once(client: httpx.AsyncClient) -> None:
    path = await asking(client)
    assert (await client.get(path)).json()["allowed"] == ["cancel", "decide", "edit", "restart"]
    decision = WHY | {"verdict": "approve"}
    first = await client.post(f"{path}/decide", json=decision)
    assert first.json()["state"] == "pending"
    assert first.headers["etag"] == '"2"'
    assert same(first, await client.post(f"{path}/decide", json=decision))
    assert await events(path) == ["accept", "decide"]
    [event, _] = (await client.get(path)).json()["timeline"]
    assert (event["by"], event["reason"]) == ("ann", "the customer asked")
    assert event["facts"] == {"verdict": "approved", "agent": "approve_order"}


async def test_only_the_other_decision_is_a_conflict(client: httpx.AsyncClient) -> None:
    path = await asking(client)
    await client.post(f"{path}/decide", json=WHY | {"verdict": "approve"})
    answer = await client.post(f"{path}/decide", json=WHY | {"verdict": "reject"})
    assert answer.status_code == 409
    assert answer.json()["allowed"] == ["cancel", "edit"]
    assert "possible now: cancel, edit" in answer.json()["advice"]


async def test_an_act_on_a_changed_item_is_void(client: httpx.AsyncClient) -> None:
    path = await accepted(client)
    seen = {"if-match": (await client.get(path)).headers["etag"]}
    assert (await client.post(f"{path}/cancel", json=WHY, headers=seen)).status_code == 200
    answer = await client.post(f"{path}/edit", json=CITY, headers=seen)
    assert answer.status_code == 412
    assert answer.headers["etag"] == '"2"'
    assert await events(path) == ["accept", "cancel"]


async def test_what_is_no_etag_of_an_item_matches_none(client: httpx.AsyncClient) -> None:
    path = await accepted(client)
    for tag in ('W/"1"', "1", '"1", "2"', '"x"', '"99999999999999999999"'):
        answer = await client.post(f"{path}/cancel", json=WHY, headers={"if-match": tag})
        assert answer.status_code == 412, tag
    assert await events(path) == ["accept"]


@pytest.mark.parametrize("headers", [{"if-match": '"1"'}, {"idempotency-key": "k-1"}, {}], ids=str)
async def test_an_edit_with_retry_cannot_be_pressed_twice(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    path = await dead(client)
    form = CITY | {"retry": True}

    async def post() -> httpx.Response:
        return await client.post(f"{path}/edit", json=form, headers=headers)

    one, other = await asyncio.gather(post(), post())
    first, second = sorted([one, other], key=lambda answer: answer.json()["repeated"])
    assert same(first, second)
    city = order()["address"]["city"]
    assert first.json()["changes"] == [{"field": "address.city", "before": city, "after": "Elko"}]
    assert await events(path) == ["accept", "mend", "replay"]
    # Later, when the item has gone on, it is still the same request.
    await change(path, state="processing", owner="someone", sequence=4)
    assert same(first, await post())
    assert await events(path) == ["accept", "mend", "replay"]


async def test_a_key_for_another_act_is_refused(client: httpx.AsyncClient) -> None:
    path, key = await dead(client), {"idempotency-key": "k-1"}
    assert (await client.post(f"{path}/replay", json=WHY, headers=key)).status_code == 200
    answer = await client.post(f"{path}/cancel", json=WHY, headers=key)
    assert (answer.status_code, answer.json()["rule"]) == (422, "reused")
    assert await events(path) == ["accept", "replay"]


async def test_an_item_that_failed_again_is_replayed_again(client: httpx.AsyncClient) -> None:
    path = await dead(client)
    assert (await client.post(f"{path}/replay", json=WHY)).json()["repeated"] is False
    assert (await client.post(f"{path}/replay", json=WHY)).json()["repeated"] is True
    await change(path, state="pending", sequence=7)
    moved = await client.post(f"{path}/cancel", json=WHY)
    assert (moved.json()["repeated"], moved.json()["sequence"]) == (False, 8)


async def test_each_act_leaves_one_entry_in_the_audit_log(client: httpx.AsyncClient) -> None:
    possible = [act for act in Act if act is not Act.SKIP]  # see test_task_workflows.py
    for number, act in enumerate(possible):
        path = await (asking if act is Act.DECIDE else dead)(client, number)
        answer = await client.post(f"{path}/{act}", json=BODIES[act])
        assert answer.status_code == 200, answer.text
    async with runtime().journal.database.read() as connection:
        entries = (await connection.execute(select(audit).order_by(audit.c.id))).all()
    assert [(entry.tenant, entry.by, entry.reason, entry.object) for entry in entries] == [
        ("default", "ann", BODIES[act]["reason"], f"item orders/{order(number)['order_id']}")
        for number, act in enumerate(possible)
    ]


async def test_acts_reach_no_item_of_another_tenant(
    client: httpx.AsyncClient, connect: Connect
) -> None:
    path, other = await dead(client), connect(OTHER)
    for act, form in BODIES.items():
        theirs = await other.post(f"{path}/{act}", json=form)
        nobodys = await other.post(f"/v/orders/W0/{act}", json=form)
        assert (theirs.status_code, nobodys.status_code) == (404, 404)
        assert theirs.text.replace(order()["order_id"], "W0") == nobodys.text
    assert await events(path) == ["accept"]


async def test_acts_need_their_scope_and_their_form(
    client: httpx.AsyncClient, connect: Connect
) -> None:
    path = await dead(client)
    reader = connect(replace(ADMIN, name="rita", scopes=frozenset(Scope) - {Scope.ACT}))
    for act, good in BODIES.items():
        assert set(good) <= set(FORMS[act].model_fields)
        assert (await reader.post(f"{path}/{act}", json=good)).status_code == 403
        for bad in ({"reason": ""}, {"reason": "x" * 501}, {"reason": "a\0b"}, {"unknown": 1}):
            answer = await client.post(f"{path}/{act}", json=good | bad)
            assert answer.status_code == 422, (act, bad)
            assert answer.json()["field"].startswith("body."), answer.text
    assert await events(path) == ["accept"]


BAD_EDITS: list[tuple[dict[str, Any], str, str]] = [
    ({"fields": {"total": -1}}, "total", "out-of-range"),
    ({"fields": {"nothing.here": 1}}, "fields", "unknown-field"),
    ({"fields": {"order_id": "W0"}}, "body", "key"),
    ({"fields": {"customer.email": "[redacted]"}}, "body", "redacted"),
    ({}, "body", "one-of"),
    ({"fields": {}, "body": {}}, "body", "one-of"),
    ({"body": {}}, "order_id", "missing"),
]


async def test_an_edit_that_breaks_a_rule_names_field_and_rule(client: httpx.AsyncClient) -> None:
    path = await dead(client)
    for form, field, rule in BAD_EDITS:
        answer = await client.post(f"{path}/edit", json={"reason": "typo"} | form)
        found = answer.json()
        assert (answer.status_code, found["field"], found["rule"]) == (422, field, rule)
    assert await events(path) == ["accept"]


async def test_a_whole_body_replaces_the_body(client: httpx.AsyncClient) -> None:
    path = await accepted(client)
    customer = order()["customer"] | {"id": "somebody_else_1"}
    form = {"reason": "wrong account", "body": order() | {"customer": customer}}
    answer = await client.post(f"{path}/edit", json=form)
    assert [change["field"] for change in answer.json()["changes"]] == ["customer.id"]
    found = (await client.get(path)).json()
    assert (found["body"]["customer"], found["customer_id"]) == (customer, "somebody_else_1")


async def test_an_unknown_agent_is_named_with_those_reached(client: httpx.AsyncClient) -> None:
    path = await dead(client)
    answer = await client.post(f"{path}/restart", json=WHY | {"agent": "nobody"})
    assert answer.status_code == 422
    assert (answer.json()["rule"], answer.json()["limit"]) == ("not-reached", "book_shipment")


async def test_an_ended_item_allows_nothing(client: httpx.AsyncClient) -> None:
    path = await accepted(client)
    await change(path, state="completed", ended_at=2.0, outcome="shipped")
    answer = await client.post(f"{path}/cancel", json=WHY)
    assert (answer.status_code, answer.json()["allowed"]) == (409, [])
    assert answer.json()["advice"] == "nothing can be done to it now"


async def test_keys_with_slashes_and_names_of_acts_are_acted_on(client: httpx.AsyncClient) -> None:
    path = await accepted(client)
    await change(path, key="a/cancel")
    answer = await client.post("/v/orders/a%2Fcancel/cancel", json=WHY)
    assert (answer.status_code, answer.json()["key"]) == (200, "a/cancel")


async def test_json_that_others_cannot_read_is_refused(client: httpx.AsyncClient) -> None:
    path = await dead(client)
    deep, headers = "[" * 2_000 + "]" * 2_000, {"content-type": "application/json"}
    for value in ('"\\ud800"', "1e999", "1" * 5_000, "18446744073709551616", deep):
        for form in (f'{{"address": {value}}}', f'{{"lines.0": {value}}}'):
            for part in ("body", "fields"):
                text = f'{{"reason": "x", "{part}": {form}}}'
                answer = await client.post(f"{path}/edit", content=text, headers=headers)
                assert 400 <= answer.status_code < 500, (value[:20], part, answer.text)
    text = '{"reason": "x", "fields": {"\\ud800": 1}}'
    answer = await client.post(f"{path}/edit", content=text, headers=headers)
    assert answer.status_code == 422
    assert await events(path) == ["accept"]
