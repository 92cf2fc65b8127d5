"""The consumers of the clouds as flow runs: deployments in each pool, and what becomes of their runs.

Prefect binds a deployment to one pool, so each cloud has a copy of the consumers' deployments.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Cancelling, Crashed
from sqlalchemy import select

from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import owners
from agents.runtime.journal.workers import is_alive
from deployments.placement.plan import Plan, Run, Served, Stage

BOOT = timedelta(seconds=120)  # for a run that Prefect shows as running to appear in the journal
UNFINISHED = [
    *(StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING),
    *(StateType.PAUSED, StateType.CANCELLING),
]
COPIED = (
    *("flow_id", "parameters", "description", "tags", "path", "entrypoint", "pull_steps"),
    *("parameter_openapi_schema", "enforce_parameter_schema", "job_variables", "version"),
)


async def copy_of(client: PrefectClient, served: Served, cloud: str) -> UUID:
    """The deployment of the consumers in the pool of this cloud, as prefect.yaml has it now.

    Raises ObjectNotFound if they are not deployed at all.
    """
    source = await client.read_deployment_by_name(served.deployment)
    values = {name: getattr(source, name) for name in COPIED}
    _, _, name = served.copy_in(cloud).partition("/")
    return await client.create_deployment(name=name, work_pool_name=cloud, **values)


async def consumers_of(
    client: PrefectClient, database: Database, served: Served, clouds: Collection[str]
) -> list[Run]:
    """The consumers of these queues in these clouds that Prefect has not ended."""
    alive = await _alive(database)
    runs: list[Run] = []
    for cloud in clouds:
        try:
            deployment = await client.read_deployment_by_name(served.copy_in(cloud))
        except ObjectNotFound:
            continue
        runs += [
            Run(run.id, cloud, stage_of(run, alive, datetime.now(UTC)))
            for run in await _unfinished(client, deployment)
            if served.is_of(run.parameters)
        ]
    return runs


def stage_of(run: FlowRun, alive: Collection[str], now: datetime) -> Stage:
    """How far a run is; the journal decides whether it works, Prefect only what it should do."""
    is_ending = run.state_type is StateType.CANCELLING
    if str(run.id) in alive:
        return Stage.ENDING if is_ending else Stage.WORKING
    if run.state_type in (StateType.SCHEDULED, StateType.PAUSED):
        return Stage.WAITING
    since = run.start_time or (run.state.timestamp if run.state else None) or now
    if now - since >= BOOT:
        return Stage.SILENT
    return Stage.ENDING if is_ending else Stage.STARTING


async def act(
    client: PrefectClient, wanted: Plan, runs: Sequence[Run], served: Served
) -> list[str]:
    """Do what the plan says; returns a line for each act."""
    stages = {run.id: run for run in runs}
    done = []
    for run in wanted.withdraw:
        await client.set_flow_run_state(run, _end_of(stages[run]), force=True)
        done.append(f"withdrew {stages[run].stage} consumer from {stages[run].cloud}")
    for run in wanted.end:
        await client.set_flow_run_state(run, Cancelling(message="its work moves"))
        done.append(f"ended consumer in {stages[run].cloud}")
    if wanted.cloud is not None and wanted.start:
        done += await _start(client, wanted, served)
    return done


async def _start(client: PrefectClient, wanted: Plan, served: Served) -> list[str]:
    """Start consumers; two placements that have seen the same last run start the same ones.

    Prefect compares a key with those of the whole flow, which all clouds share: so it names the cloud.
    """
    assert wanted.cloud is not None
    deployment = await copy_of(client, served, wanted.cloud)
    last = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment])),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=1,
    )
    seen = last[0].id if last else "none"
    for number in range(wanted.start):
        await client.create_flow_run_from_deployment(
            deployment,
            parameters=served.parameters,
            idempotency_key=f"{wanted.cloud}:{served.scenario or 'others'}:{seen}:{number}",
        )
    return [f"started consumer in {wanted.cloud}"] * wanted.start


def _end_of(run: Run) -> State[Any]:
    if run.stage is Stage.WAITING:
        return Cancelled(message=f"no worker of {run.cloud} takes it")
    return Crashed(message="its consumer does not live")


async def _unfinished(client: PrefectClient, deployment: DeploymentResponse) -> list[FlowRun]:
    return await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNFINISHED)),
        )
    )


async def _alive(database: Database) -> frozenset[str]:
    """The flow runs of processes whose lease has not run out."""
    query = select(owners.c.flow_run).where(is_alive(owners.c.id), owners.c.flow_run.is_not(None))
    async with database.read() as connection:
        return frozenset((await connection.scalars(query)).all())
