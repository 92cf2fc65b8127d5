"""One process consumes several queues, and leaves those of others alone."""

import pytest

from agents.runtime.settings import settings
from flows.operations.consumer import Consumed
from flows.operations.consumers import consume_several
from flows.workflows import WORKFLOWS
from tests.flows.operations.test_consumer import enqueue
from tests.flows.shop import Shop

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
