"""A consumer elsewhere is woken by what the gateway accepts, over Redis."""

import asyncio
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from starlette.requests import Request

from agents.runtime.context import open_runtime
from agents.runtime.redis.client import RedisClient
from agents.runtime.redis.embedded import FOLDER
from agents.runtime.redis.signals import signals
from agents.runtime.settings import Settings
from deployments.gateway.access import Principal
from deployments.gateway.app import create_app
from deployments.gateway.wakes import Wakes
from tests.deployments.gateway.conftest import ADMIN
from tests.deployments.gateway.orders import order


@pytest.mark.slow
async def test_a_waiting_consumer_is_woken_by_an_accepted_order(
    sqlite_url: str, tmp_path: Path
) -> None:
    server = RedisClient(Settings(data=tmp_path))
    await server.run(lambda redis: redis.ping(), 10.0)  # starts the embedded server
    here = Settings(
        data=tmp_path,
        journal_url=SecretStr(sqlite_url),
        redis_url=SecretStr(f"unix://{tmp_path}/{FOLDER}/valkey.sock"),
    )

    async def ann(_request: Request) -> Principal:
        return ADMIN

    async with open_runtime(here), signals(here) as consumer:
        app = create_app(ann)
        async with app.router.lifespan_context(app), asyncio.timeout(20):
            waiting = asyncio.create_task(consumer.wait("orders", 15.0))
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1"
            ) as client:
                answer = await client.post("/v/orders", json=order())
            assert answer.status_code == 202, answer.text
            assert await waiting
    await server.close()


async def test_signals_for_a_queue_that_wait_are_one() -> None:
    sent: list[str] = []
    goes = asyncio.Event()

    async def wake(queue: str) -> None:
        sent.append(queue)
        await goes.wait()

    wakes = Wakes(wake)
    wakes.soon("orders")
    await asyncio.sleep(0)
    for _ in range(3):
        wakes.soon("invoices")
    goes.set()
    await wakes.end()
    assert sent == ["orders", "invoices"]
    wakes.soon("orders")
    await wakes.end()
    assert sent == ["orders", "invoices", "orders"]
