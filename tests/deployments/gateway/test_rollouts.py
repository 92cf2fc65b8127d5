"""Rollouts over HTTP: versions are listed, rolled out, promoted and rolled back, and acts are logged."""

from typing import Any

import httpx
import pytest

from agents.runtime.context import runtime
from agents.runtime.journal.audit import AuditFilter, entries
from agents.runtime.journal.queries import item_history
from deployments.gateway.access import Principal, Scope
from tests.deployments.gateway.conftest import Connect

INVOICES = "/rollouts/invoices"


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """SQLite alone: the SQL of rollouts is tried on both databases elsewhere."""
    return sqlite_url


def invoice(number: str) -> dict[str, Any]:
    return {
        "number": number,
        "supplier": "Paper Ltd",
        "vat_id": "DE123456789",
        "email": "paper@example.com",
        "currency": "EUR",
        "total": 45_000,
    }


async def version_of(client: httpx.AsyncClient, number: str) -> str:
    """The version that an invoice begins with which is accepted now."""
    answer = await client.post("/v/invoices", json=invoice(number))
    assert answer.status_code == 202, answer.text
    found = await item_history(runtime().journal, "invoices", number)
    assert found is not None
    return str(found.item.version)


async def test_a_rollout_is_begun_promoted_and_rolled_back(client: httpx.AsyncClient) -> None:
    before = (await client.get(INVOICES)).json()
    assert [(one["version"], one["role"]) for one in before["versions"]] == [
        ("1", "current"),
        ("2", "unused"),
    ]
    assert before["rollout"] is None
    assert await version_of(client, "first") == "1"

    wanted = {"candidate": 2, "share_percent": 100, "reason": "asks before it books"}
    begun = await client.put(INVOICES, json=wanted)
    assert (begun.status_code, begun.json()["rollout"]["by"]) == (200, "ann")
    assert await version_of(client, "second") == "2"
    assert (await client.put(INVOICES, json=wanted)).json()["rollout"]["state"] == "running"

    promoted = (await client.post(f"{INVOICES}/promote", json={"reason": "good"})).json()
    assert [(one["role"], one["queued"]) for one in promoted["versions"]] == [
        ("draining", 1),
        ("current", 1),
    ]
    assert await version_of(client, "third") == "2"

    back = (await client.post(f"{INVOICES}/roll-back", json={"reason": "bad"})).json()
    assert back["rollout"]["state"] == "rolled_back"
    assert await version_of(client, "fourth") == "1"

    logged = await entries(runtime().journal, AuditFilter(object="versions of invoices"))
    assert [(row.entry.act, row.entry.reason) for row in reversed(logged)] == [
        ("rollout", "asks before it books"),
        ("rollout", "asks before it books"),
        ("promote", "good"),
        ("roll-back", "bad"),
    ]
    everything = (await client.get("/rollouts")).json()
    assert {"invoices", "orders"} <= {one["workflow"] for one in everything}


async def test_what_makes_no_sense_is_refused_by_a_rule(client: httpx.AsyncClient) -> None:
    nothing = await client.post(f"{INVOICES}/promote", json={"reason": "good"})
    assert (nothing.status_code, nothing.json()["type"].rpartition("/")[2]) == (
        409,
        "rollout-refused",
    )
    missing = await client.put("/rollouts/orders", json={"candidate": 2, "reason": "new"})
    assert missing.json()["detail"] == "orders: this code does not have version 2; it has 1"
    for wrong, field in (
        ({"share_percent": 101}, "share_percent"),
        ({"worse_duration_times": 0.5}, "worse_duration_times"),
        ({"reason": " "}, "reason"),
        ({"reason": "a\u0000b"}, "reason"),
        ({"tenants": ["a\u0000b"]}, "tenants"),
        ({"tenant": "a"}, "tenant"),
    ):
        answer = await client.put(INVOICES, json={"candidate": 2, "reason": "new"} | wrong)
        assert (answer.status_code, field in answer.json()["field"]) == (422, True)
    assert (await client.get("/rollouts/none")).status_code == 404


async def test_only_operators_of_the_installation_may_use_them(connect: Connect) -> None:
    other = connect(Principal("eve", "other", frozenset(Scope)))
    for method, path in (("GET", "/rollouts"), ("GET", INVOICES), ("POST", f"{INVOICES}/promote")):
        answer = await other.request(method, path, json={"reason": "mine"})
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (
            403,
            "not-the-installation",
        )
    reader = connect(Principal("bob", "default", frozenset(Scope) - {Scope.OPERATE}))
    assert (await reader.get("/rollouts")).status_code == 403
