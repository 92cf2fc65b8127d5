"""An outside system's event is kept once, in any order, if its signature is the system's and from now."""

import time
from collections.abc import AsyncIterator

import httpx
import orjson
import pytest

from agents.runtime.context import open_runtime, runtime
from agents.runtime.journal.provider_events import unhandled_events
from agents.runtime.settings import Settings
from agents.services.payments.sandbox_later import signature
from deployments.gateway.app import create_app
from tests.deployments.gateway.conftest import by_name

SECRETS = "whsec_new whsec_old"
PATH = "/webhooks/payments"


@pytest.fixture
async def client(
    sqlite_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[httpx.AsyncClient]:
    """A client without credentials."""
    settings = Settings(
        data=tmp_path_factory.mktemp("data"),
        journal_url=sqlite_url,  # type: ignore[arg-type]  # pydantic wraps it
        stripe_webhook_secret=SECRETS,  # type: ignore[arg-type]
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
