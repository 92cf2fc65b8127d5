"""A tenant registers endpoints, sees each secret once, and nothing of another tenant's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from standardwebhooks import Webhook
from starlette.requests import Request

from agents.runtime.context import open_runtime, runtime
from agents.runtime.journal import audit
from agents.runtime.settings import Settings
from deployments.gateway.access import Principal, Scope
from deployments.gateway.app import create_app
from tests.agents.runtime.jobs import until
from tests.agents.workflow.webhook_items import end_orders
from tests.agents.workflow.webhook_receiver import receiving
from tests.deployments.gateway.conftest import ADMIN, Connect

PUBLIC = "https://93.184.216.34/hooks"  # an address, so that no name is looked up
WANTED = {"url": PUBLIC, "events": ["orders.ended"]}
ACTS = ("rotate", "disable", "enable", "redeliver", "deliveries/1/redeliver")


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """One database: what the SQL does on both is tested with the deliveries."""
    return sqlite_url


@asynccontextmanager
async def _running(settings: Settings, host: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application with its lifespan; webhooks may go to `host`."""
    allowed = settings.model_copy(update={"webhook_allowed": (host,)})
    async with open_runtime(allowed):
        app = create_app(_as_ann)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
        ):
            yield client


async def _as_ann(_request: Request) -> Principal:
    return ADMIN


async def created(client: httpx.AsyncClient, **wanted: object) -> dict[str, str]:
    answer = await client.post("/webhook-endpoints", json=WANTED | wanted)
    assert answer.status_code == 201, answer.text
    body: dict[str, str] = answer.json()
    return body


async def test_the_secret_is_shown_once_and_each_act_is_in_the_audit_log(
    client: httpx.AsyncClient,
) -> None:
    endpoint = await created(client, description="the shop")
    path = f"/webhook-endpoints/{endpoint['id']}"
    rotated = (await client.post(f"{path}/rotate", json={"reason": "leaked"})).json()
    assert rotated["secret"] != endpoint["secret"]
    assert rotated["old_secret_until"] is not None
    off = (await client.post(f"{path}/disable", json={"reason": "moving"})).json()
    assert (off["enabled"], off["disabled_because"]) == (False, "moving")
    on = (await client.post(f"{path}/enable", json={})).json()
    assert (on["enabled"], on["disabled_because"]) == (True, None)
    shown = (await client.get(path)).text + (await client.get("/webhook-endpoints")).text
    entries = await audit.entries(runtime().journal, audit.AuditFilter())
    assert (await client.delete(f"{path}?reason=closed")).status_code == 204
    assert (await client.get(path)).status_code == 404
    for secret in (endpoint["secret"], rotated["secret"]):
        assert secret not in shown
        assert secret not in str(entries)
    last = await audit.entries(runtime().journal, audit.AuditFilter())
    acts = [(row.entry.by, row.entry.act, row.entry.reason) for row in reversed(last)]
    assert acts == [
        ("ann", "create", "the shop"),
        ("ann", "rotate secret", "leaked"),
        ("ann", "disable", "moving"),
        ("ann", "enable", ""),
        ("ann", "delete", "closed"),
    ]


@pytest.mark.parametrize(
    "wanted, field, rule",
    [
        ({"url": "https://127.0.0.1/"}, "url", "address"),
        ({"url": "https://169.254.169.254/latest"}, "url", "address"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "url", "address"),
        ({"url": "http://93.184.216.34/"}, "url", "scheme"),
        ({"url": "ftp://93.184.216.34/"}, "url", "scheme"),
        ({"url": "https://ann:secret@93.184.216.34/"}, "url", "host"),
        ({"url": "https://93.184.216.34/#top"}, "url", "fragment"),
        ({"url": "https://nowhere.invalid/"}, "url", "unresolved"),
        ({"events": ["orders.eaten"]}, "events", "unknown-event"),
        ({"events": []}, "body.events", "too_short"),
        ({"version": "1999-01-01"}, "version", "unknown-version"),
        ({"secret": "mine"}, "body.secret", "extra_forbidden"),
    ],
)
async def test_what_cannot_be_registered_names_field_and_rule(
    client: httpx.AsyncClient, wanted: dict[str, object], field: str, rule: str
) -> None:
    answer = await client.post("/webhook-endpoints", json=WANTED | wanted)
    found = answer.json()
    assert (answer.status_code, found["field"], found["rule"]) == (422, field, rule)
    assert "169.254" not in found["detail"].replace("169.254.169.254/latest", "")


async def test_an_endpoint_of_another_tenant_does_not_exist(
    client: httpx.AsyncClient, connect: Connect
) -> None:
    endpoint = (await created(client))["id"]
    other = connect(replace(ADMIN, name="eve", tenant="other"))
    assert (await other.get("/webhook-endpoints")).json()["endpoints"] == []
    for name in (endpoint, "we_unknown"):
        path = f"/webhook-endpoints/{name}"
        answers = [await other.get(path), await other.get(f"{path}/deliveries")]
        answers += [await other.get(f"{path}/deliveries/1"), await other.delete(path)]
        answers += [await other.post(f"{path}/{act}", json={}) for act in ACTS]
        details = {one.json()["detail"].replace(name, "") for one in answers}
        assert {one.status_code for one in answers} == {404}
        assert details == {"there is no webhook endpoint '': look at the list"}
    assert (await client.get(f"/webhook-endpoints/{endpoint}")).status_code == 200


async def test_endpoints_need_the_scope_operate(connect: Connect) -> None:
    reader = replace(ADMIN, name="rob", scopes=frozenset(Scope) - {Scope.OPERATE})
    answer = await connect(reader).post("/webhook-endpoints", json=WANTED)
    assert answer.status_code == 403


async def test_a_tenant_has_a_limited_number_of_endpoints(client: httpx.AsyncClient) -> None:
    for _ in range(20):
        await created(client)
    answer = await client.post("/webhook-endpoints", json=WANTED)
    assert (answer.status_code, answer.json()["type"][-18:]) == (409, "too-many-endpoints")


async def test_the_gateway_delivers_while_it_runs(journal_settings: Settings) -> None:
    async with receiving() as receiver, _running(journal_settings, receiver.host) as client:
        endpoint = await created(client, url=receiver.url("/ok"), events=["orders.*"])
        path = f"/webhook-endpoints/{endpoint['id']}/deliveries"
        await end_orders(runtime(), "W1", "W2", park=True)
        await until(lambda: len(receiver.received) == 6)
        Webhook(endpoint["secret"]).verify(receiver.received[0].body, receiver.received[0].headers)

        async def all_delivered() -> bool:
            page = (await client.get(path, params={"status": "delivered"})).json()
            return len(page["deliveries"]) == 6

        await until(all_delivered)
        first = (await client.get(path, params={"limit": 4})).json()
        second = (await client.get(path, params={"limit": 4, "before": first["next"]})).json()
        ids = [one["id"] for one in first["deliveries"] + second["deliveries"]]
        assert (ids, second["next"]) == (sorted(ids, reverse=True), None)
        assert len(ids) == 6
        again = await client.post(f"{path}/{ids[0]}/redeliver", json={})
        assert again.json()["status"] == "waiting"
        await until(lambda: len(receiver.received) == 7)
        made = (await client.get(f"{path}/{ids[0]}")).json()["made"]
        assert made[0]["status"] == 204
        assert receiver.received[-1].id == again.json()["message"]
