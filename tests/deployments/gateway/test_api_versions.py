"""Dated versions over HTTP: who gets which, how bodies are converted, and what the headers say."""

from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.orders import api
from agents.orders.scenario import ORDERS
from agents.runtime.model.api_versions import Change, chain_after
from deployments.gateway.api_versions import FIRST, HEADER, Versions, versions
from deployments.gateway.problems import Problem
from flows.workflows import WORKFLOWS
from tests.deployments.gateway.conftest import ADMIN, Connect
from tests.deployments.gateway.item_states import dead
from tests.deployments.gateway.orders import order

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=7), inner, max_size=3)
    ),
    max_leaves=8,
)


def renamed(version: str, before: str, after: str, **dates: Any) -> Change:
    """A change that gives one field another name."""

    def rename(body: Any, old: str, new: str) -> Any:
        return {(new if name == old else name): value for name, value in body.items()}

    return Change(
        version,
        f"`{before}` is named `{after}`.",
        lambda body: rename(body, before, after),
        lambda body: rename(body, after, before),
        **dates,
    )


STEPS = (renamed("2026-02-01", "b", "c"), renamed("2026-01-01", "a", "b"))


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """SQLite alone: nothing here is about SQL."""
    return sqlite_url


@pytest.fixture
def charged() -> dict[str, Any]:
    """An order with charges, which the first version did not know."""
    body = order(3)
    charges = body.pop("charges", 0)
    return body | {"charges": 500, "total": body["total"] - charges + 500}


def test_changes_are_composed_in_the_order_of_their_dates() -> None:
    chain = chain_after("2025-12-01", STEPS)
    assert chain.upcast({"a": 1}) == {"c": 1}
    assert chain.downcast({"c": 1}) == {"a": 1}
    assert chain_after("2026-01-01", STEPS).downcast({"c": 1}) == {"b": 1}
    assert chain_after("2026-02-01", STEPS).changes == ()


def test_a_version_is_deprecated_by_the_earliest_change_after_it() -> None:
    early, late = date(2026, 3, 1), date(2026, 4, 1)
    changes = (
        renamed("2026-01-01", "a", "b", deprecated=late, sunset=early),
        renamed("2026-02-01", "b", "c", deprecated=early),
    )
    chain = chain_after("2025-12-01", changes)
    assert (chain.deprecated, chain.sunset) == (early, early)
    assert chain_after("2026-01-01", changes).sunset is None


async def test_the_header_chooses_then_the_key_then_the_newest(connect: Connect) -> None:
    newest = versions().newest
    pinned = connect(replace(ADMIN, name="pinned", version=FIRST))
    for client, headers, expected in (
        (pinned, {}, FIRST),
        (pinned, {HEADER: newest}, newest),
        (connect(ADMIN), {}, newest),
        (connect(ADMIN), {HEADER: FIRST}, FIRST),
    ):
        answer = await client.get("/v/orders/none", headers=headers)
        assert (answer.status_code, answer.headers[HEADER]) == (404, expected)


async def test_an_unknown_version_is_refused_with_the_known_ones(connect: Connect) -> None:
    for principal, headers in (
        (ADMIN, {HEADER: "2020-01-01"}),
        (replace(ADMIN, name="stale", version="2020-01-01"), {}),
    ):
        answer = await connect(principal).get("/v/orders/none", headers=headers)
        assert answer.status_code == 400
        assert answer.json()["known"] == list(versions().names)
        assert "2020-01-01" in answer.json()["detail"]


async def test_an_order_of_the_first_version_is_the_same_order(client: httpx.AsyncClient) -> None:
    body = order(1)
    body.pop("charges", None)
    body["total"] = sum(line["quantity"] * line["unit_price"] for line in body["lines"])
    first = await client.post("/v/orders", json=body, headers={HEADER: FIRST})
    second = await client.post("/v/orders", json=body)
    assert (first.status_code, second.status_code) == (202, 202), first.text


async def test_a_field_of_a_later_version_is_unknown(
    client: httpx.AsyncClient, charged: dict[str, Any]
) -> None:
    answer = await client.post("/v/orders", json=charged, headers={HEADER: FIRST})
    assert (answer.status_code, answer.json()["field"]) == (422, "charges")
    assert (await client.post("/v/orders", json=charged)).status_code == 202


async def test_answers_tell_when_a_version_ends(client: httpx.AsyncClient) -> None:
    old = await client.get("/v/orders/none", headers={HEADER: FIRST})
    assert old.headers["deprecation"] == "@1795910400"
    assert old.headers["sunset"] == "Mon, 29 Nov 2027 00:00:00 GMT"
    assert '</versions>; rel="deprecation"' in old.headers["link"]
    for path, headers in (("/v/orders/none", {}), ("/v/invoices/none", {HEADER: FIRST})):
        answer = await client.get(path, headers=headers)
        assert not {"deprecation", "sunset", "link"} & answer.headers.keys()


async def test_a_request_sent_again_after_a_release_is_the_same_request(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, newest = {"Idempotency-Key": "once"}, {HEADER: versions().newest}
    first = await client.post("/v/orders", json=order(), headers=key)
    with monkeypatch.context() as released:
        released.setattr(api, "CHANGES", (*api.CHANGES, renamed("2027-01-01", "x", "y")))
        versions.cache_clear()
        again = await client.post("/v/orders", json=order(), headers=key)
        assert again.headers[HEADER] == "2027-01-01"
    versions.cache_clear()
    assert (again.status_code, again.content) == (202, first.content)
    other = await client.post("/v/orders", json=order(), headers=key | newest)
    assert (other.status_code, other.json()["rule"]) == (422, "reused")


def test_an_upcast_that_fails_is_the_fault_of_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "CHANGES", STEPS)
    found = Versions(WORKFLOWS).of(FIRST)
    assert "orders" not in found.chains, "changes before the first version separate nothing"
    late = (renamed("2027-01-01", "a", "b"),)
    monkeypatch.setattr(api, "CHANGES", late)
    with pytest.raises(Problem) as caught:
        Versions(WORKFLOWS).of(FIRST).upcast("orders", ["no object"])
    assert caught.value.status == 422


def test_events_go_out_in_the_version_of_their_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"shipped": "sent"}
    change = renamed("2027-01-01", "a", "b")
    older: Change = replace(
        change, downcast_event=lambda data: data | {"outcome": words[data["outcome"]]}
    )
    monkeypatch.setattr(api, "CHANGES", (older,))
    known, event = Versions(WORKFLOWS), {"outcome": "shipped"}
    assert known.event(FIRST, "orders", event) == {"outcome": "sent"}
    assert known.event("2026-12-24", "orders", event) == {"outcome": "sent"}, "not known any more"
    for version, workflow in (("2027-01-01", "orders"), (FIRST, "invoices")):
        assert known.event(version, workflow, event) == event


async def test_an_edit_is_of_the_version_of_its_request(client: httpx.AsyncClient) -> None:
    path, body = await dead(client), order()
    edit = {"reason": "wrong", "body": body | {"charges": 5}}
    answer = await client.post(f"{path}/edit", json=edit, headers={HEADER: FIRST})
    assert (answer.status_code, answer.json()["field"]) == (422, "charges")


@settings(max_examples=100)
@given(body=JSON)
def test_the_upcasts_take_any_json(body: Any) -> None:
    for workflow in versions().changes:
        try:
            versions().of(FIRST).upcast(workflow, body)
        except Problem:
            continue  # any other error would end this test


def test_what_was_accepted_goes_out_in_the_form_of_every_version(charged: dict[str, Any]) -> None:
    _, text = ORDERS.validate(charged) if ORDERS.validate else ("", "")
    stored = ORDERS.payload.model_validate_json(text).model_dump(mode="json")
    first = versions().of(FIRST).downcast("orders", stored)
    assert "charges" not in first
    assert "charges" in stored, "a conversion changes nothing outside of its result"
    assert versions().of("").downcast("orders", stored) == stored
