"""A cloud goes away in the middle of 1,000 orders; Prefect's automation has another one take over.

Clouds are work pools with a process worker each, on the servers and the journal of one installation.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import WorkPoolStatus
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from agents.runtime.journal.database import Database
from deployments.client import Gateway
from deployments.components import component
from tests.deployments.topology.clouds import consumers_in, lose, only_in, pool_is, start, working
from tests.deployments.topology.installation import LOGIN, Installation
from tests.deployments.topology.items import ended, problems, reached, submit
from tests.flows.shop import Shop

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3_600)]

ORDERS, MORE = 1_000, 40  # before and after the cloud is back
KILLED_AFTER = 100  # orders have ended
PLACEMENT = [sys.executable, "-m", "deployments.placement"]


@pytest.fixture
def in_clouds(installation: Installation) -> Iterator[None]:
    """Only consumers that the placement starts process orders."""
    installation.stop("consumer-1")
    installation.stop("consumer-2")
    api = {PREFECT_API_URL: installation.api, PREFECT_API_AUTH_STRING: LOGIN}
    with temporary_settings(api):
        yield
    installation.run("consumer-1", component("consumer-orders"))
    installation.run("consumer-2", component("consumer-orders"))


@pytest.mark.usefixtures("in_clouds")
async def test_another_cloud_takes_over_and_the_first_one_takes_back(
    installation: Installation, gateway: Gateway, database: Database, here: Path, tmp_path: Path
) -> None:
    shop = Shop(f"c{uuid4().hex[:8]}", tmp_path, here, installation.journal_url)
    for cloud in ("gcp", "aws"):
        start(installation, cloud)
        await reached(lambda name=cloud: pool_is(name, WorkPoolStatus.READY), 1)  # type: ignore[misc]  # mypy: lambda
    await asyncio.to_thread(installation.job, PLACEMENT)
    await reached(lambda: working(database, "aws"), 1)

    await shop.enqueue([shop.order(ORDERS, "anvil")])  # and the goods
    submitting = asyncio.create_task(submit(gateway, "orders", shop.orders(ORDERS)))
    await reached(lambda: ended(database, shop.name), KILLED_AFTER)
    lose(installation, "aws", await consumers_in(database, "aws"))
    killed, at = time.monotonic(), await ended(database, shop.name)
    away = await reached(lambda: pool_is("aws", WorkPoolStatus.NOT_READY), 1) - killed
    began = await reached(lambda: working(database, "gcp"), 1) - killed
    others = await reached(lambda: working(database, "gcp", "others"), 1) - killed
    await submitting
    done = await reached(lambda: ended(database, shop.name), ORDERS + 1) - killed
    sys.stdout.write(
        f"\naws lost after {at} orders: its pool not ready after {away:.1f} s, consumers in gcp after "
        f"{began:.1f} s, those of the other queues after {others:.1f} s, all {ORDERS} orders at rest "
        f"after {done:.1f} s\n"
    )
    assert await problems(shop, shipped=ORDERS, refunded=1) == []

    start(installation, "aws")
    returned = time.monotonic()
    back = await reached(lambda: working(database, "aws"), 1) - returned
    alone = await reached(lambda: only_in(database, "aws"), 1) - returned
    rest = [shop.order(ORDERS + 1 + number, "anvil") for number in range(MORE)]
    await submit(gateway, "orders", rest)
    await reached(lambda: ended(database, shop.name), ORDERS + 1 + MORE)
    sys.stdout.write(f"consumers back in aws after {back:.1f} s, only there after {alone:.1f} s\n")
    assert await problems(shop, shipped=ORDERS, refunded=1 + MORE) == []
