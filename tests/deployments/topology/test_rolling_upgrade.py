"""An agent version, and Prefect's own schema, are upgraded while 1,000 orders are in work.

DRILL_ORDERS sets another number of orders. DRILL_EARLIER_PREFECT names the Python of an environment that has
this project's packages with an earlier Prefect, whose servers are replaced then: without it, those that are
replaced are of this release, on the schema of an earlier one.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from sqlalchemy import select, text

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.schema import items, owners
from agents.runtime.journal.version_use import unfinished_by_version
from deployments.client import Gateway
from deployments.components import PYTHON, Component, Form, component
from tests.deployments.topology.installation import LOGIN, Installation
from tests.deployments.topology.items import ended, problems, reached, submit
from tests.flows.shop import Body, Shop

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3_600)]

ORDERS = int(os.environ.get("DRILL_ORDERS", "1000"))
LATER = ("-m", "tests.deployments.topology.next_release")
CONSUMERS = ("consumer-1", "consumer-2")
# Orders wait for each other here, so that how long one takes says nothing of its version.
UNJUDGED = ("--errors", "100", "--slowness", "1000")
FAILED = {"Failed", "Crashed"}
WHO = ("--by", "ann", "--reason", "a step more")
# What follows this revision are indexes and a constraint, so that the servers of this release work on it too.
EARLIER = "09a9e091e578"
EARLIER_PYTHON = os.environ.get("DRILL_EARLIER_PREFECT", "")
HEAD = """
from importlib.resources import files
from alembic.script import ScriptDirectory
migrations = files("prefect.server.database") / "_migrations"
places = [str(migrations / "versions" / "postgresql")]
print(ScriptDirectory(str(migrations), version_locations=places).get_current_head())
"""


def later(part: Component) -> Component:
    """The component in the later release."""
    python, dash_m, *command = part.command
    assert (python, dash_m) == (PYTHON, "-m")
    return replace(part, command=(PYTHON, *LATER, *command))


def operate(installation: Installation, *command: str) -> None:
    """Run an operation with the code of the later release."""
    installation.job([sys.executable, *LATER, "flows.operations", *command, *WHO])


@pytest.fixture
async def shop(installation: Installation, here: Path, tmp_path: Path) -> Shop:
    """A shop with its goods, whose first order is not sent by any carrier."""
    shop = Shop(f"u{uuid4().hex[:8]}", tmp_path, here, installation.journal_url)
    await shop.enqueue([shop.order(ORDERS, "anvil")])
    return shop


@pytest.fixture
async def upgrade(installation: Installation) -> AsyncIterator[None]:
    """After the test the first release runs again, and its version is the one of new orders."""
    yield
    await asyncio.to_thread(operate, installation, "roll-back")
    for name in CONSUMERS:
        await asyncio.to_thread(installation.stop, name)
        installation.run(name, component("consumer-orders"))
    await asyncio.to_thread(_put_gateway, installation, component("gateway"))


def _put_gateway(installation: Installation, part: Component) -> None:
    installation.stop("gateway")
    installation._add("gateway", part, installation._gateway)
    installation._wait(installation._gateway, "/health")


@pytest.mark.usefixtures("upgrade")
async def test_a_version_is_replaced_and_its_orders_are_finished(
    installation: Installation, gateway: Gateway, database: Database, shop: Shop
) -> None:
    bodies = shop.orders(ORDERS)
    first, second, third = bodies[::3], bodies[1::3], bodies[2::3]
    submitting = asyncio.create_task(submit(gateway, "orders", first))
    begun = time.monotonic()
    await reached(lambda: ended(database, shop.name), len(first) // 5)
    for name in CONSUMERS:  # one after the other; what the old one held is handed back
        await asyncio.to_thread(installation.stop, name)
        installation.run(name, later(component("consumer-orders")))
    await asyncio.to_thread(_put_gateway, installation, later(component("gateway")))
    await submitting
    await asyncio.to_thread(operate, installation, "rollout", "2", "--share", "50", *UNJUDGED)
    await submit(gateway, "orders", second)
    await asyncio.to_thread(operate, installation, "promote")
    await submit(gateway, "orders", third)
    await reached(lambda: ended(database, shop.name), ORDERS + 1)
    seconds = time.monotonic() - begun

    assert await problems(shop, shipped=ORDERS, refunded=1) == []
    found = await _versions(database, shop)
    by_part = [Counter(found[body["order_id"]] for body in part) for part in (first, second, third)]
    assert by_part[0] == {1: len(first)}
    assert by_part[1].keys() == {1, 2}, "each half of the keys is of one version"
    assert by_part[2] == {2: len(third)}
    use = await unfinished_by_version(database, "orders", [1, 2])
    assert use[1].is_drained
    sys.stdout.write(f"\n{dict(Counter(found.values()))} orders by version in {seconds:.0f} s\n")


async def _versions(database: Database, shop: Shop) -> dict[str, int]:
    """The major version of each order of the shop."""
    query = select(items.c.key, items.c.major).where(items.c.key.startswith(f"{shop.name}-"))
    async with database.read() as connection:
        return {row.key: row.major for row in await connection.execute(query)}


@pytest.fixture
async def earlier_schema(installation: Installation) -> AsyncIterator[str]:
    """Prefect's database is at an earlier revision; after the test it is at that of this release.

    With an earlier Prefect its servers and services run on it.
    """
    database = [sys.executable, "-m", "prefect", "server", "database"]
    earlier = EARLIER
    if EARLIER_PYTHON:
        earlier = await asyncio.to_thread(_head, EARLIER_PYTHON)
    await asyncio.to_thread(installation.job, [*database, "downgrade", "-y", "-r", earlier])
    if EARLIER_PYTHON:
        await asyncio.to_thread(_restart_servers, installation, EARLIER_PYTHON)
    yield earlier
    await asyncio.to_thread(installation.job, [*database, "upgrade", "-y"])


async def test_prefects_schema_is_upgraded_and_its_servers_are_replaced(
    installation: Installation,
    gateway: Gateway,
    database: Database,
    shop: Shop,
    earlier_schema: str,
) -> None:
    assert await _revision(installation) == earlier_schema
    before = await _version(installation)
    runs = await _runs(database)
    assert len(runs) >= len(CONSUMERS)
    replaced, begun = asyncio.Event(), time.monotonic()
    submitting = asyncio.create_task(_trickle(gateway, shop.orders(ORDERS), replaced))
    await reached(lambda: ended(database, shop.name), 2)
    counts = [await ended(database, shop.name)]
    migrate = component("prefect-migrations").argv(Form.PRODUCTION, sys.executable)
    await asyncio.to_thread(installation.job, migrate)
    assert await _revision(installation) != earlier_schema
    counts.append(await ended(database, shop.name))
    for number, port in enumerate(installation._servers, start=1):
        await asyncio.to_thread(_restart, installation, number, port, sys.executable)
        counts.append(await ended(database, shop.name))
    await asyncio.to_thread(installation.processes["services"].replace, sys.executable)
    replaced.set()
    await submitting
    await reached(lambda: ended(database, shop.name), ORDERS + 1)
    seconds = time.monotonic() - begun

    assert counts == sorted(set(counts)), "orders go on during each step"
    assert counts[-1] < ORDERS, "the steps were taken while orders came"
    assert await problems(shop, shipped=ORDERS, refunded=1) == []
    assert await _failed(installation, runs) == []
    begins, migrated, *servers = counts
    sys.stdout.write(
        f"\nPrefect {before} to {await _version(installation)}: {begins} orders at rest before the migration, "
        f"{migrated} after it, {servers} after each server was replaced, all {ORDERS} after {seconds:.0f} s\n"
    )


async def _trickle(gateway: Gateway, bodies: list[Body], replaced: asyncio.Event) -> None:
    """Submit a hundredth of the orders each second until the servers are replaced, then the rest."""
    few = max(1, len(bodies) // 100)
    while bodies and not replaced.is_set():
        await submit(gateway, "orders", bodies[:few])
        del bodies[:few]
        await asyncio.sleep(1.0)
    if bodies:
        await submit(gateway, "orders", bodies)


def _head(python: str) -> str:
    """The revision of the schema that the Prefect of this interpreter works on."""
    return subprocess.check_output([python, "-c", HEAD], text=True).strip()


def _restart_servers(installation: Installation, python: str) -> None:
    for number, port in enumerate(installation._servers, start=1):
        _restart(installation, number, port, python)
    installation.processes["services"].replace(python)


def _restart(installation: Installation, number: int, port: int, python: str) -> None:
    installation.processes[f"api-server-{number}"].replace(python)
    installation._wait(port, "/api/ready")


async def _version(installation: Installation) -> str:
    """The version of Prefect that the servers have."""
    api = {PREFECT_API_URL: installation.api, PREFECT_API_AUTH_STRING: LOGIN}
    with temporary_settings(api):
        async with get_client() as client:
            found: str = (await client._client.get("/admin/version")).json()
    return found


async def _revision(installation: Installation) -> str:
    """The revision of Prefect's schema."""
    prefect = Database(installation.postgresql.database("prefect"))
    async with prefect.read() as connection:
        found: str = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    await prefect.close()
    return found


async def _runs(database: Database) -> list[UUID]:
    """The flow runs of the processes that work with the journal now."""
    alive = owners.c.beat_at + owners.c.lease > now()
    query = select(owners.c.flow_run).where(alive, owners.c.flow_run.is_not(None))
    async with database.read() as connection:
        return [UUID(found) for found in await connection.scalars(query)]


async def _failed(installation: Installation, runs: list[UUID]) -> list[str]:
    """What Prefect says of those that failed or crashed."""
    api = {PREFECT_API_URL: installation.api, PREFECT_API_AUTH_STRING: LOGIN}
    with temporary_settings(api):
        async with get_client() as client:
            found = [await client.read_flow_run(run) for run in runs]
    return [f"{run.name}: {run.state}" for run in found if run.state_name in FAILED]
