"""Consumers are started and withdrawn as flow runs of a real Prefect server."""

from uuid import UUID, uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.placement import runs as module
from deployments.placement.plan import Plan, Run, Stage
from deployments.placement.runs import act
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.slow


@flow(name="consumer-of-two-clouds")
def consumer(scenario: str) -> str:
    return scenario


async def test_each_cloud_gets_its_own_runs_and_equal_looks_start_the_same_ones(
    prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        module, "SOURCE", "consumer-of-two-clouds/consumer"
    )  # other tests have theirs
    with temporary_settings({PREFECT_API_URL: prefect_server.url}):
        async with get_client() as client:
            east, west = f"east-{uuid4().hex[:8]}", f"west-{uuid4().hex[:8]}"
            for pool in (east, west):
                await client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
            await _deploy(client)
            for pool in (east, west):
                await act(client, Plan(pool, start=2, end=(), withdraw=()), [], "orders")
            runs = {pool: await _runs(client, pool) for pool in (east, west)}
            assert [len(found) for found in runs.values()] == [2, 2]

            lost = runs[east][0]
            waiting = [Run(lost, east, Stage.WAITING)]
            await act(client, Plan(None, start=0, end=(), withdraw=(lost,)), waiting, "orders")
            assert (await client.read_flow_run(lost)).state_name == "Cancelled"
            await act(client, Plan(east, start=1, end=(), withdraw=()), [], "orders")
            assert len(await _runs(client, east)) == 3


async def _deploy(client: PrefectClient) -> None:
    flow_id = await client.create_flow(consumer)
    await client.create_deployment(flow_id, name="consumer", enforce_parameter_schema=False)


async def _runs(client: PrefectClient, pool: str) -> list[UUID]:
    return [run.id for run in await client.read_flow_runs(limit=200) if run.work_pool_name == pool]
