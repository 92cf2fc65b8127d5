"""Schedules are switched on where they are declared, and runs that should always be there are started."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Running

from deployments.components import Form, Scheduled
from deployments.schedules import NotDeployed, switch_on
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def client_settings(prefect_server: PrefectServer) -> Iterator[None]:
    with temporary_settings({PREFECT_API_URL: prefect_server.url}):
        yield


@flow(name="a-test-of-schedules")
def some_flow() -> None:
    """Does nothing."""


async def deployed(name: str) -> UUID:
    async with get_client() as client:
        yearly = DeploymentScheduleCreate(
            schedule=CronSchedule(cron="0 0 1 1 *"), active=False, slug="yearly"
        )
        flow_id = await client.create_flow(some_flow)
        return await client.create_deployment(flow_id, name, schedules=[yearly])


async def test_it_switches_on_and_starts_what_should_run_and_then_changes_nothing() -> None:
    name = f"one-{uuid4().hex[:8]}"
    deployment = await deployed(name)
    full = f"a-test-of-schedules/{name}"
    wanted = [Scheduled(name, full, "yearly", is_resident=True)]

    assert await switch_on(Form.LAPTOP, wanted) == [
        f"switched on schedule yearly of {full}",
        f"started {full}",
    ]
    async with get_client() as client:
        found = await client.read_deployment(deployment)
        assert [one.active for one in found.schedules] == [True]
        # The run waits for a worker; one that works keeps a second from being started.
        assert await switch_on(Form.LAPTOP, wanted) == []
        # Meanwhile Prefect may have scheduled that of the next year as well.
        runs = [one for one in await client.read_flow_runs() if one.deployment_id == deployment]
        [run] = [one for one in runs if not one.auto_scheduled]
        await client.set_flow_run_state(run.id, Running(), force=True)
        assert await switch_on(Form.LAPTOP, wanted) == []


async def test_a_form_gets_its_own_schedules_and_one_that_is_not_deployed_is_named() -> None:
    missing = Scheduled("none", "no/such", "yearly", forms=(Form.PRODUCTION,))
    assert await switch_on(Form.LAPTOP, [missing]) == []
    with pytest.raises(NotDeployed, match=r"no deployment no/such .* deploy --all"):
        await switch_on(Form.PRODUCTION, [missing])
