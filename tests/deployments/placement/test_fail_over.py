"""A cloud goes away in the middle of 1,000 orders; Prefect's automation has another one take over.

Clouds are work pools with a process worker each, on one Prefect server and one journal on PostgreSQL.
"""

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import WorkPoolStatus
from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlalchemy import func, select

from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import items, owners
from agents.runtime.model.lifecycle import ENDED
from agents.runtime.settings import settings
from deployments.placement.plan import Run, Stage
from deployments.placement.runs import consumers_of
from tests.flows.conftest import providers
from tests.flows.shop import Shop
from tests.prefect_server import PrefectServer, free_port, serving

__all__ = ["providers"]
pytestmark = [pytest.mark.campaign, pytest.mark.timeout(2_400)]

ORDERS = 1_000
KILLED_AFTER = 100  # orders have ended
MORE = 40  # orders after the cloud is back
PATIENCE = 400.0
QUICK = (  # a cloud that is away is noticed after three missed heartbeats
    ("PREFECT_WORKER_HEARTBEAT_SECONDS", "2"),
    ("PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS", "2"),
)


@pytest.fixture
def shop(
    monkeypatch: pytest.MonkeyPatch, providers: Path, postgresql_url: str, tmp_path: Path
) -> Iterator[Shop]:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(providers))
    monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", postgresql_url)
    monkeypatch.setenv("AGENT_FLOWS_CLOUDS", '[{"name": "aws"}, {"name": "gcp"}]')
    settings.cache_clear()
    yield Shop(f"s{uuid4().hex[:8]}", tmp_path, providers, postgresql_url)
    settings.cache_clear()


@pytest.fixture
def server(shop: Shop) -> Iterator[PrefectServer]:
    """A server with our deployments, the worker of `default`, and those who notice quickly."""
    home = shop.folder / "prefect"
    home.mkdir()
    server = PrefectServer(f"http://127.0.0.1:{free_port()}/api", home, settings=QUICK)
    with serving(server):
        deploy = ("prefect", "--no-prompt", "deploy", "-n", "consumer", "-n", "placement")
        for command in (("deployments.apply",), deploy):
            made = server.run(sys.executable, "-m", *command, seconds=PATIENCE)
            assert made.returncode == 0, made.stdout + made.stderr
        with temporary_settings({PREFECT_API_URL: server.url}), server.worker():
            yield server


@pytest.fixture
async def database(shop: Shop) -> AsyncIterator[Database]:
    database = Database(shop.journal_url)
    yield database
    await database.close()


async def test_another_cloud_takes_over_and_the_first_one_takes_back(
    shop: Shop, server: PrefectServer, database: Database
) -> None:
    with ExitStack() as gcp_lives, ExitStack() as aws_lives:
        gcp_lives.enter_context(server.worker("gcp"))
        worker = aws_lives.enter_context(server.worker("aws"))
        await until(lambda: _are_ready("aws", "gcp"))
        placed = server.run(sys.executable, "-m", "deployments.placement")
        assert "started consumer in aws" in placed.stdout, placed.stdout + placed.stderr
        await until(lambda: _is_working(database, "aws"))

        await shop.enqueue(shop.orders(ORDERS))
        await until(lambda: _have_ended(database, KILLED_AFTER))
        victims = [worker.pid, *await _processes(database)]
        for victim in victims:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        ended, killed = await _ended(database), time.monotonic()
        assert ended < ORDERS, "the cloud went away in the middle"

        away = await until(lambda: _is_away("aws")) - killed
        began = await until(lambda: _is_working(database, "gcp")) - killed
        done = await until(lambda: _have_ended(database, ORDERS)) - killed
        sys.stdout.write(
            f"\nkilled after {ended} orders: away after {away:.1f} s, taken over after {began:.1f} s, "
            f"all {ORDERS} orders at rest after {done:.1f} s\n"
        )
        await _check(shop, shipped=ORDERS)

        returned = time.monotonic()
        with server.worker("aws"):
            back = await until(lambda: _is_working(database, "aws")) - returned
            alone = await until(lambda: _only_in(database, "aws")) - returned
            await shop.enqueue([shop.order(ORDERS + number, "anvil") for number in range(MORE)])
            await until(lambda: _have_ended(database, ORDERS + MORE))
            sys.stdout.write(f"back after {back:.1f} s, alone after {alone:.1f} s\n")
        await _check(shop, shipped=ORDERS, refunded=MORE)


async def until(holds: Callable[[], Awaitable[bool]]) -> float:
    """The time at which the condition held; it fails after PATIENCE seconds."""
    end = time.monotonic() + PATIENCE
    while not await holds():
        assert time.monotonic() < end, "the condition does not hold"
        await asyncio.sleep(0.05)
    return time.monotonic()


async def _are_ready(*pools: str) -> bool:
    async with get_client() as client:
        found = [await client.read_work_pool(pool) for pool in pools]
    return all(pool.status is WorkPoolStatus.READY for pool in found)


async def _is_away(pool: str) -> bool:
    async with get_client() as client:
        return (await client.read_work_pool(pool)).status is WorkPoolStatus.NOT_READY


async def _runs(database: Database) -> list[Run]:
    async with get_client() as client:
        return await consumers_of(client, database, "orders", ["aws", "gcp"])


async def _is_working(database: Database, cloud: str) -> bool:
    return any(run.cloud == cloud and run.stage is Stage.WORKING for run in await _runs(database))


async def _only_in(database: Database, cloud: str) -> bool:
    return {run.cloud for run in await _runs(database)} == {cloud}


async def _processes(database: Database) -> list[int]:
    """The processes of the consumers, which are flow runs."""
    query = select(owners.c.pid).where(owners.c.flow_run.is_not(None))
    async with database.read() as connection:
        return list(await connection.scalars(query))


async def _ended(database: Database) -> int:
    query = select(func.count()).where(items.c.state.in_(ENDED), items.c.scenario == "orders")
    async with database.read() as connection:
        return int(await connection.scalar(query) or 0)


async def _have_ended(database: Database, count: int) -> bool:
    return await _ended(database) >= count


async def _check(shop: Shop, **outcomes: int) -> None:
    """Nothing lost, nothing twice: I1 to I7, and every order ended as it must."""
    await shop.check()
    journal = await shop.journal()
    assert Counter(row["outcome"] for row in journal.items.values()) == outcomes
