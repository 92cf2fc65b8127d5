"""Resources over HTTP and in the console: use, capacity and line, of others only what all share."""

from dataclasses import replace

import httpx
import pytest

from agents.runtime.context import runtime
from agents.runtime.journal.capacity_admin import CapacitySetting, set_capacity
from agents.runtime.journal.database import now
from agents.runtime.journal.scheduling_schema import holdings, resource_waits
from deployments.gateway.access import Scope
from tests.deployments.gateway.conftest import ADMIN, Connect
from tests.deployments.gateway.console.conftest import HTML
from tests.deployments.gateway.console.test_overview import text_of
from tests.deployments.gateway.item_states import accepted, change

OTHER = replace(ADMIN, name="eve", tenant="other")


async def capacity(name: str, amount: float, tenant: str = "", **more: object) -> None:
    setting = CapacitySetting(name, amount, tenant, **more)  # type: ignore[arg-type]
    await set_capacity(runtime().journal, setting, "ann", "as agreed")


async def waits(client: httpx.AsyncClient, number: int, tenant: str, since: float) -> str:
    """The key of an order whose step waits for a gpu, while a living process holds three of four."""
    path = await accepted(client, number)
    item = await change(path, crash_count=0)
    step = {"item": item, "agent": "train", "resource": "gpu", "tenant": tenant, "amount": 2.0}
    async with runtime().journal.database.write() as connection:
        held = holdings.insert().values(at=now(), owner=runtime().lease.id, fence=1)
        await connection.execute(held, step | {"agent": "other", "amount": 3.0 if number else 0.0})
        line = resource_waits.insert().values(since=now() - since, until=now() + 60, scope="")
        await connection.execute(line, step | {"blocks": True})
    return path.rpartition("/")[2]


async def test_each_tenant_sees_what_all_share_and_its_own(
    client: httpx.AsyncClient, connect: Connect
) -> None:
    other = connect(OTHER)
    assert (await client.get("/resources")).json() == []
    await capacity("gpu", 4)
    await capacity("tokens", 9_000, "other", window_seconds=60.0, at_limit="ask")
    theirs, mine = await waits(other, 0, "other", 90), await waits(client, 1, "default", 30)
    [gpu] = (await client.get("/resources")).json()
    assert gpu["longest"].pop("seconds") == pytest.approx(30, abs=60)
    assert gpu == {
        "resource": "gpu",
        "shared": True,
        "capacity": 4.0,
        "window_seconds": None,
        "at_limit": None,
        "used": 3.0,
        "reserved": 2.0,
        "waiting": 1,
        "longest": {"workflow": "orders", "key": mine, "agent": "train", "amount": 2.0},
    }
    gpu, tokens = (await other.get("/resources")).json()
    assert (gpu["waiting"], gpu["longest"]["key"]) == (1, theirs)
    assert (tokens["shared"], tokens["capacity"], tokens["at_limit"]) == (False, 9_000.0, "ask")


async def test_the_page_shows_the_same(client: httpx.AsyncClient, connect: Connect) -> None:
    client.headers["accept"] = HTML
    assert "every resource is unlimited" in text_of(await client.get("/console/resources"))
    await capacity("gpu", 4)
    await capacity("memory", 8 * 2**30)
    await capacity("tokens", 9_000, window_seconds=60.0, at_limit="ask")
    await capacity("secret", 1, "other")
    key = await waits(client, 1, "default", 3_600)
    page = await client.get("/console/resources")
    text = text_of(page)
    assert f"gpu of all tenants 3 4 2 1 {key} orders train needs 2, waits 1 h" in text
    assert "memory of all tenants 0 8,589,934,592" in text
    assert "9,000 in 1 min 0 s, then a person decides" in text
    assert "secret" not in text
    assert f'href="/console/items/orders/{key}"' in page.text
    nobody = connect(replace(ADMIN, name="sam", scopes=frozenset({Scope.SUBMIT})))
    assert (await nobody.get("/console/resources")).status_code == 403
    assert (await nobody.get("/resources")).status_code == 403
