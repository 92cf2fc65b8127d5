"""Clouds of a drill: pools whose workers and consumers are lost together."""

import os
import signal
from collections.abc import Sequence
from contextlib import suppress

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import WorkPoolStatus
from sqlalchemy import select

from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import owners
from deployments.components import worker
from deployments.placement.plan import Run, Stage
from deployments.placement.runs import consumers_of
from deployments.resources import PLACED
from tests.deployments.topology.installation import Installation

CLOUDS = ("aws", "gcp")


def start(installation: Installation, cloud: str) -> None:
    """Start the worker of a cloud."""
    installation.run(f"worker-{cloud}", worker(cloud))


async def consumers_in(database: Database, cloud: str) -> list[int]:
    """The processes of all its consumers."""
    placed = [run for name in PLACED for run in await runs(database, name)]
    wanted = {str(run.id) for run in placed if run.cloud == cloud}
    query = select(owners.c.pid).where(owners.c.flow_run.in_(wanted))
    async with database.read() as connection:
        return list(await connection.scalars(query))


def lose(installation: Installation, cloud: str, consumers: Sequence[int]) -> None:
    """Kill the worker of a cloud and these consumers of it, which a drill has asked for before."""
    installation.lose(f"worker-{cloud}")
    for pid in consumers:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def runs(database: Database, name: str = "orders") -> list[Run]:
    """The consumers of what is placed under a name, in all clouds, that Prefect has not ended."""
    async with get_client() as client:
        return await consumers_of(client, database, PLACED[name].served, CLOUDS)


async def working(database: Database, cloud: str, name: str = "orders") -> int:
    """How many of these consumers work there."""
    found = await runs(database, name)
    return sum(run.cloud == cloud and run.stage is Stage.WORKING for run in found)


async def only_in(database: Database, cloud: str) -> int:
    """1 if all consumers of orders are there."""
    return int({run.cloud for run in await runs(database)} == {cloud})


async def pool_is(cloud: str, status: WorkPoolStatus) -> int:
    """1 if Prefect says this of the pool."""
    async with get_client() as client:
        return int((await client.read_work_pool(cloud)).status is status)
