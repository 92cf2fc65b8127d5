"""Flow runs of a terminal: like those of a deployment they have the project's tag and send heartbeats.

So the automation "runs without heartbeat" sets them to Crashed when their process is killed. The tag is the
flow run's alone: on its task runs, Prefect would ask the server for a limit of the tag before each.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from agents.runtime.prefect_ui import HEARTBEAT_SECONDS, TAG


async def run_tagged(flow: Flow[..., Any], given: Mapping[str, Any]) -> Any:
    """The result of the flow with these parameters. Raises what the flow raises."""
    bound = inspect.signature(flow.fn).bind(**given)
    bound.apply_defaults()
    parameters = flow.validate_parameters(bound.arguments)
    beat = PREFECT_FLOWS_HEARTBEAT_FREQUENCY.value() or HEARTBEAT_SECONDS
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: beat}):
        async with get_client() as client:
            await client.raise_for_api_version_mismatch()  # names a server that does not answer
            stored = flow.serialize_parameters(parameters)
            run = await client.create_flow_run(flow, parameters=stored, tags=[TAG])
        return await run_flow(flow, run, parameters)  # type: ignore[misc]  # our flows are coroutines
