"""`python -m flows.operations`: every operation as a command. Each is a flow, so it can be deployed too."""

from collections.abc import Mapping, Sequence
from typing import Any

from prefect import Flow

from flows.cli.commands import commands
from flows.operations.actions import approve, cancel, discard, edit, mend, reject, replay, restart
from flows.operations.agent_times import agents
from flows.operations.forecasts import forecasts, retrain_forecasts, roll_back_forecasts
from flows.operations.items import dead_letters, show_item, waiting_items
from flows.operations.messages import (
    dead_messages,
    redeliver_message,
    remove_group,
    resend_messages,
    unsettled_messages,
)
from flows.operations.payment_events import payment_events
from flows.operations.pruning import prune
from flows.operations.queues import (
    backlog,
    limit_rate,
    move,
    order_queue,
    pause_queue,
    resume_queue,
)
from flows.operations.reconciliation import reconcile
from flows.operations.recovery import recover
from flows.operations.resources import resources
from flows.operations.scaling import scale
from flows.operations.shortages import shortages
from flows.operations.tasks import add_tasks, cancel_workflow, show_workflow, skip
from flows.operations.versions import promote, roll_back, rollout, versions
from flows.operations.webhooks import send_webhooks

DESCRIPTION = """Inspect items and queues, act on them, and run recovery, reconciliation and pruning.

Example: `uv run python -m flows.operations waiting`"""
GROUPS: Mapping[str, Sequence[Flow[..., Any]]] = {
    "Inspect": (
        *(waiting_items, dead_letters, unsettled_messages, show_item),
        *(backlog, resources, agents, dead_messages, shortages),
    ),
    "Decide and repair": (approve, reject, edit, cancel, mend, replay, restart, discard),
    "Workflows": (show_workflow, add_tasks, skip, cancel_workflow),
    "Queues": (move, pause_queue, resume_queue, limit_rate, order_queue, scale),
    "Versions": (versions, rollout, promote, roll_back),
    "Forecasts": (forecasts, retrain_forecasts, roll_back_forecasts),
    "Messages": (resend_messages, redeliver_message, remove_group, send_webhooks),
    "Maintenance": (recover, reconcile, payment_events, prune),
}

if __name__ == "__main__":
    commands(DESCRIPTION, GROUPS)
