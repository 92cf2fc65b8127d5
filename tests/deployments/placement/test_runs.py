"""Consumers are started and withdrawn as flow runs of a real Prefect server."""

from uuid import UUID, uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL, temporary_settings

from agents.runtime.journal.database import Database
from agents.runtime.settings import ROOT
from deployments.placement.plan import Plan, Run, Served, Stage
from deployments.placement.runs import act, consumers_of
from deployments.prefect_yaml import read
from deployments.resources import PLACED
from flows.workflows import WORKFLOWS
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.slow


ORDERS = Served("consumer-of-two-clouds/consumer", "orders")


@flow(name="consumer-of-two-clouds")
def consumer(scenario: str) -> str:
    return scenario


async def test_each_cloud_gets_its_own_runs_and_equal_looks_start_the_same_ones(
    prefect_server: PrefectServer,
) -> None:
    with temporary_settings({PREFECT_API_URL: prefect_server.url}):
        async with get_client() as client:
            east, west = f"east-{uuid4().hex[:8]}", f"west-{uuid4().hex[:8]}"
            for pool in (east, west):
                await client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
            await _deploy(client)
            for pool in (east, west):
                await act(client, Plan(pool, start=2, end=(), withdraw=()), [], ORDERS)
            runs = {pool: await _runs(client, pool) for pool in (east, west)}
            assert [len(found) for found in runs.values()] == [2, 2]

            lost = runs[east][0]
            waiting = [Run(lost, east, Stage.WAITING)]
            await act(client, Plan(None, start=0, end=(), withdraw=(lost,)), waiting, ORDERS)
            assert (await client.read_flow_run(lost)).state_name == "Cancelled"
            await act(client, Plan(east, start=1, end=(), withdraw=()), [], ORDERS)
            assert len(await _runs(client, east)) == 3


async def test_consumers_of_the_other_queues_have_a_deployment_of_their_own(
    prefect_server: PrefectServer, sqlite_url: str
) -> None:
    others = Served("consumers-of-others/consumers", without=("orders", "turns"))
    with temporary_settings({PREFECT_API_URL: prefect_server.url}):
        async with get_client() as client:
            pool = f"east-{uuid4().hex[:8]}"
            await client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
            await _deploy(client)
            flow_id = await client.create_flow(consumers)
            await client.create_deployment(flow_id, "consumers", enforce_parameter_schema=False)
            database = Database(sqlite_url)
            for served in (ORDERS, others):
                await act(client, Plan(pool, start=1, end=(), withdraw=()), [], served)
            found = {
                served: [one.id for one in await consumers_of(client, database, served, [pool])]
                for served in (ORDERS, others)
            }
            await database.close()
            runs = {served: await client.read_flow_run(ids[0]) for served, ids in found.items()}
    assert [len(ids) for ids in found.values()] == [1, 1]
    assert runs[ORDERS].parameters == {"scenario": "orders"}
    assert runs[others].parameters == {"without": ["orders", "turns"]}


def test_every_queue_is_placed_once() -> None:
    alone = [one.served.scenario for one in PLACED.values() if one.served.scenario]
    [rest] = [one.served.without for one in PLACED.values() if one.served.scenario is None]
    assert sorted(alone) == sorted(rest)
    assert set(alone) <= set(WORKFLOWS)
    declared, _ = read((ROOT / "prefect.yaml").read_text("utf-8"))
    entrypoints = {
        f"{one['name']}/{one['name']}": one["entrypoint"] for one in declared["deployments"]
    }
    assert [entrypoints[one.served.deployment] for one in PLACED.values()] == [
        "flows.operations.consumer.consume",
        "flows.operations.consumers.consume_several",
    ]


@flow(name="consumers-of-others")
def consumers(without: list[str]) -> list[str]:
    return without


async def _deploy(client: PrefectClient) -> None:
    flow_id = await client.create_flow(consumer)
    await client.create_deployment(flow_id, name="consumer", enforce_parameter_schema=False)


async def _runs(client: PrefectClient, pool: str) -> list[UUID]:
    return [run.id for run in await client.read_flow_runs(limit=200) if run.work_pool_name == pool]
