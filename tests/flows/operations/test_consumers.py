"""One process consumes several queues, and leaves those of others alone."""

import asyncio
from uuid import UUID

import pytest

from agents.runtime.context import open_runtime
from agents.runtime.intake.consumer import POLL_SECONDS
from agents.runtime.journal.workers import register, retire
from agents.runtime.settings import settings
from flows.operations.consumer import Consumed
from flows.operations.consumers import consume_several
from flows.workflows import WORKFLOWS
from tests.flows.operations.test_consumer import deployment_id, enqueue, new_runs
from tests.flows.shop import Shop

__all__ = ["deployment_id"]

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def no_redis(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Redis at all: signals are lost, and polling finds the work."""
    monkeypatch.setenv("AGENT_FLOWS_REDIS_URL", f"unix://{shop.folder}/nobody.sock")
    settings.cache_clear()


async def consumed(*left: str, batches: int = 50) -> Consumed:
    return await consume_several.fn(without=[*left], batches=batches, idle_seconds=0.3)


async def test_it_leaves_the_queues_of_others_alone(shop: Shop) -> None:
    await enqueue(shop, [*shop.orders(3)])
    others = [name for name in WORKFLOWS if name not in {"orders", "changes"}]
    left = await consumed(*others, "orders")
    assert left.title == "0 items of 1 queues"
    taken = await consumed(*others)
    assert taken.title == "3 items of 2 queues"
    assert taken.table == [{"queue": "orders", "items": "3", "batches": "1"}]
    assert not taken.full


async def test_a_run_ends_after_its_batches(shop: Shop) -> None:
    await enqueue(shop, [*shop.orders(2)])
    others = [name for name in WORKFLOWS if name not in {"orders", "changes"}]
    assert (await consumed(*others, batches=1)).full


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_a_run_of_a_deployment_works_until_the_next_one_does(
    shop: Shop, deployment_id: UUID
) -> None:
    await enqueue(shop, [*shop.orders(2)])
    others = [name for name in WORKFLOWS if name not in {"orders", "changes"}]
    run = asyncio.create_task(consumed(*others, batches=1))
    (following,) = await new_runs(deployment_id, 0)
    await asyncio.sleep(2 * POLL_SECONDS)  # it looks for work in vain, and stays
    assert not run.done()
    async with open_runtime(settings()) as opened:
        await register(opened.journal.database, "next", 60.0, str(following.id))
        async with asyncio.timeout(30):
            assert (await run).title == "2 items of 2 queues"
        await retire(opened.journal.database, "next")
