"""Consumers process queued orders, whichever process queued them."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Crashed

from agents.runtime.context import open_runtime
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.journal.queue_admin import pause, resume
from agents.runtime.journal.workers import register, retire
from agents.runtime.settings import settings
from flows.operations.consumer import Consumed, consume
from flows.order_processing import enqueue_orders
from tests.flows.shop import DECLINED_CARD, Body, Shop
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.usefixtures("redis_in_the_shop")


@pytest.fixture
def redis_in_the_shop(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Redis at all: signals are lost, and polling finds the work."""
    monkeypatch.setenv("AGENT_FLOWS_REDIS_URL", f"unix://{shop.folder}/nobody.sock")
    settings.cache_clear()


async def enqueue(
    shop: Shop, bodies: list[Body | bytes], name: str = "queued.jsonl"
) -> dict[str, str]:
    file = shop.write(bodies, name)
    listing = await enqueue_orders.fn(
        file, priority=Priority.NORMAL, report=shop.report, stock=shop.stock
    )
    return {row["outcome"]: row["orders"] for row in listing.table}


async def serve(idle: float = 0.5) -> Consumed:
    return await consume.fn(idle_seconds=idle)


@pytest.mark.slow
async def test_queued_orders_are_processed_once(shop: Shop) -> None:
    bodies: list[Body | bytes] = [
        *shop.orders(20),
        shop.order(20, "anvil"),
        shop.order(21, payment_method=DECLINED_CARD),
        b"no order",
    ]
    assert await enqueue(shop, bodies) == {"rejected": "1", "queued": "22"}
    assert len(shop.rejected) == 1
    assert shop.record.payments == {}

    consumed = await serve()

    assert sorted(consumed.lines) == ["refunded: 1", "rejected: 1", "shipped: 20"]
    assert {row["step"] for row in consumed.table} >= {"assess_risk", "capture_payment"}
    assert await enqueue(shop, bodies) == {"rejected": "1", "already done": "22"}
    assert "0 items" in (await serve()).title


@pytest.mark.slow
async def test_two_consumers_and_a_run_over_the_same_file_do_each_order_once(shop: Shop) -> None:
    bodies = shop.orders(40)
    await enqueue(shop, [*bodies])
    *_, report = await asyncio.gather(serve(), serve(), shop.process(bodies, batch_size=8))
    assert report.items == 40
    assert len(shop.record.shipments) == 40


@pytest.mark.slow
async def test_a_paused_queue_waits(shop: Shop) -> None:
    await enqueue(shop, [*shop.orders(2)])
    async with open_runtime(settings()) as opened:
        await pause(opened.journal, "orders", "ann", "stocktaking")
    assert "0 items" in (await serve()).title
    async with open_runtime(settings()) as opened:
        await resume(opened.journal, "orders", "ann", "it is done")
    assert "2 items" in (await serve()).title


@pytest.fixture
async def deployment_id(
    prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[UUID]:
    """A deployment that no worker serves; this process is a run of it."""
    with temporary_settings({PREFECT_API_URL: prefect_server.url}):
        async with get_client() as client:
            flow = await client.create_flow_from_name(f"consumer-{uuid4().hex}")
            made = await client.create_deployment(flow, "consumer")
        monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", str(made))
        yield made


async def new_runs(deployment: UUID, known: int) -> list[FlowRun]:
    """The runs of the deployment, the latest first, when there are more than `known`."""
    of_deployment = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment]))
    async with get_client() as client, asyncio.timeout(30):
        while True:
            runs = await client.read_flow_runs(flow_run_filter=of_deployment)
            if len(runs) > known:
                return sorted(runs, key=lambda run: str(run.created), reverse=True)
            await asyncio.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_a_next_run_that_ends_before_it_works_is_started_again(
    shop: Shop, deployment_id: UUID
) -> None:
    """Else the consumer would wait for ten minutes, and then nobody would work."""
    await enqueue(shop, [*shop.orders(2)])
    consumer = asyncio.create_task(consume.fn(batches=1, batch_size=1, at_once=1))
    (first,) = await new_runs(deployment_id, 0)
    async with get_client() as client:
        await client.set_flow_run_state(first.id, Crashed(), force=True)
    second, _ = await new_runs(deployment_id, 1)
    assert not consumer.done()
    async with open_runtime(settings()) as opened:
        await register(opened.journal.database, "next", 60.0, str(second.id))
        async with asyncio.timeout(30):
            assert (await consumer).title.startswith("2 items")
        await retire(opened.journal.database, "next")
