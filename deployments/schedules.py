"""Switches on the schedules that keep items moving: `python -m deployments.schedules --form production`.

`prefect.yaml` declares them switched off, since a server may be shared; `deployments.components` says which
an installation needs. A flow that should always run is started at once where no run of it is there.
"""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cyclopts import App
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from agents.runtime.command_line import run_command
from agents.runtime.errors import AgentError
from deployments.components import SCHEDULED, Form, Scheduled

UNFINISHED = [StateType.RUNNING, StateType.PENDING, StateType.SCHEDULED]
SOON = timedelta(minutes=1)  # a run that the schedule has planned for later is none that works now

command = App(name="python -m deployments.schedules", version_flags=[])


class NotDeployed(AgentError):
    """The server has no such deployment, or it has no such schedule."""

    def __init__(self, wanted: Scheduled) -> None:
        super().__init__(wanted)
        self.wanted = wanted

    def __str__(self) -> str:
        named = f"deployment {self.wanted.deployment} with the schedule {self.wanted.schedule}"
        return f"the server has no {named}: run `prefect --no-prompt deploy --all` first"


async def switch_on(form: Form, wanted: Sequence[Scheduled] = SCHEDULED) -> list[str]:
    """Switch on the schedules of a form; returns a line for each change. Raises NotDeployed."""
    async with get_client() as client:
        lines = [await _switch_on(client, one) for one in wanted if form in one.forms]
    return [line for some in lines for line in some]


async def _switch_on(client: PrefectClient, wanted: Scheduled) -> list[str]:
    try:
        deployment = await client.read_deployment_by_name(wanted.deployment)
    except ObjectNotFound:
        raise NotDeployed(wanted) from None
    schedules = [one for one in deployment.schedules if one.slug == wanted.schedule]
    if not schedules:
        raise NotDeployed(wanted)
    lines = []
    for schedule in schedules:
        if not schedule.active:
            await client.update_deployment_schedule(deployment.id, schedule.id, active=True)
            lines.append(f"switched on schedule {schedule.slug} of {wanted.deployment}")
    if wanted.is_resident and not await _is_at_work(client, deployment):
        await client.create_flow_run_from_deployment(deployment.id)
        lines.append(f"started {wanted.deployment}")
    return lines


async def _is_at_work(client: PrefectClient, deployment: DeploymentResponse) -> bool:
    runs = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNFINISHED)),
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=1,
    )
    soon = datetime.now(UTC) + SOON
    return any(run.expected_start_time and run.expected_start_time < soon for run in runs)


@command.default
def main(*, form: Form = Form.PRODUCTION) -> int:
    """Switch on the schedules and print each change.

    Args:
        form: The form of the installation, which says which schedules it needs.

    """
    print("\n".join(asyncio.run(switch_on(form))) or "nothing to change")
    return 0


if __name__ == "__main__":
    run_command(lambda: command(sys.argv[1:], result_action="return_value"))
