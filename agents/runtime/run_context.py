"""Whether this code runs within a flow run or a task run, asked without loading Prefect.

Prefect takes seconds to import, which a function pays at each cold start. Only a process that has
imported it can be within a run.
"""

import os
import sys
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from prefect.context import FlowRunContext, TaskRunContext


def flow_run_context() -> "FlowRunContext | None":
    """The flow run around this code, if there is one."""
    return cast("FlowRunContext | None", _current("FlowRunContext"))


def task_run_context() -> "TaskRunContext | None":
    """The task run around this code, if there is one."""
    return cast("TaskRunContext | None", _current("TaskRunContext"))


def in_flow_run() -> bool:
    """Whether this code runs within a flow run."""
    return flow_run_context() is not None


def flow_run_id() -> str | None:
    """The id of the flow run around this code or of the one that its process was started for."""
    if (flow := flow_run_context()) is not None and flow.flow_run is not None:
        return str(flow.flow_run.id)
    if (task := task_run_context()) is not None:
        of_flow = task.task_run.flow_run_id
        return None if of_flow is None else str(of_flow)
    return os.environ.get("PREFECT__FLOW_RUN_ID")  # set by Prefect's workers


def _current(context: str) -> Any:
    """The current context of this class; None while another thread is still importing it."""
    known = getattr(sys.modules.get("prefect.context"), context, None)
    return None if known is None else known.get()
