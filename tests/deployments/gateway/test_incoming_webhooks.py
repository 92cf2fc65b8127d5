"""An outside system's event is kept once, in any order, if its signature is the system's and from now."""

import time
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import orjson
import pytest
from standardwebhooks import Webhook

from agents.orders.scenario import RETURNS
from agents.runtime.context import open_runtime, runtime
from agents.runtime.journal.provider_events import unhandled_events
from agents.runtime.journal.queries import named
from agents.runtime.settings import Settings
from agents.services.payments.sandbox_later import signature
from deployments.gateway.app import create_app
from tests.deployments.gateway.conftest import by_name

SECRETS = "whsec_new whsec_old"
PATH = "/webhooks/payments"
WAREHOUSE_NEW, WAREHOUSE, OTHER = (
    f"whsec_{b64encode(name * 24).decode()}" for name in (b"n", b"w", b"o")
)


@pytest.fixture
async def client(
    sqlite_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[httpx.AsyncClient]:
    """A client without credentials."""
    settings = Settings(
        data=tmp_path_factory.mktemp("data"),
        journal_url=sqlite_url,  # type: ignore[arg-type]  # pydantic wraps it
        stripe_webhook_secret=SECRETS,  # type: ignore[arg-type]
        returns_webhook_secret=f"{WAREHOUSE_NEW} {WAREHOUSE}",  # type: ignore[arg-type]
    )
    async with open_runtime(settings):
        transport = httpx.ASGITransport(create_app(by_name))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client


def event(name: str, at: float, kind: str = "charge.dispute.created") -> bytes:
    about = {"object": "dispute", "payment_intent": f"pi_{name}"}
    return orjson.dumps({"id": name, "type": kind, "created": at, "data": {"object": about}})


async def post(
    client: httpx.AsyncClient, payload: bytes, secret: str = "whsec_new", late: int = 0
) -> httpx.Response:
    headers = {"stripe-signature": signature(secret, int(time.time()) - late, payload)}
    return await client.post(PATH, content=payload, headers=headers)


async def kept() -> list[str]:
    return [e.id for e in await unhandled_events(runtime().journal.database, "payments", 100)]


async def test_each_event_is_kept_once_in_any_order_by_any_secret_of_a_rotation(
    client: httpx.AsyncClient,
) -> None:
    later, earlier = event("evt_2", 2_000.0), event("evt_1", 1_000.0)
    for payload, secret in ((later, "whsec_new"), (earlier, "whsec_old"), (later, "whsec_old")):
        answer = await post(client, payload, secret)
        assert (answer.status_code, answer.content) == (204, b"")
    assert (await post(client, event("evt_3", 3_000.0, "customer.created"))).status_code == 204
    assert await kept() == ["evt_1", "evt_2"]


async def test_what_is_refused_leaves_nothing_and_is_told_nothing(
    client: httpx.AsyncClient,
) -> None:
    payload = event("evt_1", 1_000.0)
    answers = [
        await post(client, payload, "whsec_other"),
        await post(client, payload, late=400),
        await post(client, payload, late=-400),
        await post(client, b"[]"),
        await post(client, b"{\xff"),
        await client.post(PATH, content=payload),
    ]
    assert {answer.status_code for answer in answers} == {400}
    assert len({answer.content for answer in answers}) == 1
    assert await kept() == []


async def test_the_payload_is_bounded_and_only_systems_of_the_registry_are_heard(
    client: httpx.AsyncClient,
) -> None:
    assert (await post(client, b"x" * 1_000_001)).status_code == 413
    for system in ("stripe", "orders"):
        answer = await client.post(f"/webhooks/{system}", content=b"{}")
        assert answer.status_code == 404
    assert (await client.get(PATH)).status_code == 405


async def arrive(
    client: httpx.AsyncClient, payload: bytes, secret: str = WAREHOUSE, late: int = 0
) -> int:
    """The status that answers a signed event of the warehouse."""
    at = datetime.now(UTC) - timedelta(seconds=late)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp()))}
    headers["webhook-signature"] = Webhook(secret).sign("msg_1", at, payload.decode())
    return (await client.post("/webhooks/returns", content=payload, headers=headers)).status_code


def goods(*pieces: str, kind: str = "return.arrived") -> bytes:
    return orjson.dumps({"type": kind, "data": {"order": "W1", "pieces": pieces}})


async def test_goods_that_arrive_become_one_item_by_any_secret_of_a_rotation(
    client: httpx.AsyncClient,
) -> None:
    for secret in (WAREHOUSE, WAREHOUSE_NEW):
        assert await arrive(client, goods("A-1"), secret) == 204
    assert await arrive(client, goods("A-1", kind="return.lost")) == 204
    [row] = await named(runtime().journal, RETURNS.name, ["W1"])
    assert orjson.loads(row.body) == {"order": "W1", "pieces": ["A-1"]}


async def test_goods_that_nobody_has_signed_or_that_were_others_before_are_refused(
    client: httpx.AsyncClient,
) -> None:
    refused = [
        await arrive(client, goods("A-1"), OTHER),
        await arrive(client, goods("A-1"), late=400),
        await arrive(client, goods("A-1"), late=-400),
        await arrive(client, goods()),
        await arrive(client, b"[]"),
        (await client.post("/webhooks/returns", content=goods("A-1"))).status_code,
        (
            await client.post(
                "/webhooks/returns", content=b"\xff", headers={"webhook-signature": "no"}
            )
        ).status_code,
    ]
    assert set(refused) == {400}
    assert await named(runtime().journal, RETURNS.name, ["W1"]) == []
    assert await arrive(client, goods("A-1")) == 204
    assert await arrive(client, goods("A-2")) == 400
