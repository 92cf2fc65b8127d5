"""Queues over HTTP: the caller's own items, and one pause for all that only operators may set."""

from dataclasses import replace

import httpx
import pytest
from sqlalchemy import select

from agents.runtime.context import runtime
from agents.runtime.journal.gateway_schema import audit
from deployments.gateway.access import Scope
from flows.workflows import WORKFLOWS
from tests.deployments.gateway.conftest import ADMIN, Connect
from tests.deployments.gateway.item_states import accepted

OTHER = replace(ADMIN, name="eve", tenant="other")
WHY = {"reason": "stocktaking"}


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """SQLite alone: what differs in SQL is tested at the journal."""
    return sqlite_url


async def test_a_queue_has_depth_age_and_time_to_drain(client: httpx.AsyncClient) -> None:
    for number in range(3):
        await accepted(client, number)
    found = (await client.get("/queues/orders")).json()
    assert (found["workflow"], found["waiting"], found["paused"]) == ("orders", 3, False)
    assert 0 <= found["oldest_seconds"] < 60
    assert (found["served_per_second"], found["drain_seconds"]) == (0.0, None)
    assert found["eta"] == {
        "p50_seconds": None,
        "p90_seconds": None,
        "at_least": False,
        "reason": "no consumer runs: nothing is drained",
    }
    listed = (await client.get("/queues")).json()
    assert [queue["workflow"] for queue in listed] == sorted(WORKFLOWS)
    assert (await client.get("/queues/nothing")).status_code == 404


async def test_a_pause_has_a_name_a_reason_and_an_entry(client: httpx.AsyncClient) -> None:
    paused = (await client.post("/queues/orders/pause", json=WHY)).json()
    assert (paused["paused"], paused["paused_by"], paused["reason"]) == (True, "ann", "stocktaking")
    resumed = (await client.post("/queues/orders/resume", json={"reason": "done"})).json()
    assert (resumed["paused"], resumed["paused_by"]) == (False, "")
    async with runtime().journal.database.read() as connection:
        entries = (await connection.execute(select(audit).order_by(audit.c.id))).all()
    assert [(entry.by, entry.act, entry.object, entry.reason) for entry in entries] == [
        ("ann", "pause", "queue orders", "stocktaking"),
        ("ann", "resume", "queue orders", "done"),
    ]


async def test_another_tenant_sees_its_own_items_and_no_names(
    client: httpx.AsyncClient, connect: Connect
) -> None:
    await accepted(client)
    await client.post("/queues/orders/pause", json=WHY)
    other = connect(OTHER)
    found = (await other.get("/queues/orders")).json()
    assert (found["waiting"], found["oldest_seconds"]) == (0, None)
    assert (found["paused"], found["paused_by"], found["reason"]) == (True, "", "")
    refused = [await other.post(f"/queues/orders/{act}", json=WHY) for act in ("pause", "resume")]
    assert [answer.status_code for answer in refused] == [403, 403]
    assert (await client.get("/queues/orders")).json()["paused"] is True


async def test_a_pause_needs_its_scope_and_a_reason(
    client: httpx.AsyncClient, connect: Connect
) -> None:
    reader = connect(replace(ADMIN, name="rita", scopes=frozenset({Scope.READ, Scope.ACT})))
    assert (await reader.post("/queues/orders/pause", json=WHY)).status_code == 403
    assert (await client.post("/queues/orders/pause", json={"reason": ""})).status_code == 422
    assert (await client.post("/queues/nothing/pause", json=WHY)).status_code == 404
    assert (await client.get("/queues/orders")).json()["paused"] is False
