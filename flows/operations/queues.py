"""Queues: how much waits and for how long; pause a queue, limit its rate, move an item.

`python -m flows.operations` has them as commands.
"""

from typing import Annotated, Literal

from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.intake.backlog import alert_if_old, backlog_table, read_backlog
from agents.runtime.journal import queue_admin
from agents.runtime.journal.operator_actions import OperatorAction
from agents.runtime.journal.order import order_of
from agents.runtime.journal.scale import QueueScale
from agents.runtime.settings import settings
from flows.cli.parameters import By, Reason, ScenarioName
from flows.cli.reports import Listing, shown

MINUTE = 60.0


@flow(name="backlog", flow_run_name="backlog of {scenario}", persist_result=False)
async def backlog(
    scenario: ScenarioName = "orders",
    oldest_limit_minutes: Annotated[float, Field(gt=0)] = 15.0,
) -> Listing:
    """Show how many items wait in a queue, by tenant and priority; alert if one waits too long.

    Example: `uv run python -m flows.operations backlog --oldest-limit-minutes 30`

    Args:
        scenario: Scenario whose queue is shown.
        oldest_limit_minutes: An item that waits longer than this, in minutes, raises an alert.

    """
    async with open_runtime(settings()) as opened:
        found = await read_backlog(opened.journal.database, scenario)
        ordered = await order_of(opened.journal.database, scenario)
    await alert_if_old(scenario, found, oldest_limit_minutes * MINUTE)
    title = f"{sum(entry.waiting for entry in found.entries):,} items of {scenario} wait"
    title += f"; {ordered}" * ordered.judged
    lines = [found.drained(), *map(_scaled, found.eta.versions)]
    return await shown(
        "backlog", Listing(title=title, table=backlog_table(found.entries), lines=lines)
    )


def _scaled(one: QueueScale) -> str:
    """How many consumers a version has and needs."""
    return f"version {one.version}: {one.load.consumers} consumers, {one.wanted} wanted"


@flow(name="pause-queue", flow_run_name="pause queue of {scenario}", persist_result=False)
async def pause_queue(by: By, reason: Reason, scenario: ScenarioName = "orders") -> Listing:
    """Hand out no items of a queue until it is resumed; items in work continue.

    Example: `uv run python -m flows.operations pause-queue --by ann --reason stocktaking`

    Args:
        by: Your name, kept with the queue.
        reason: Why you pause it, kept with the queue.
        scenario: Scenario whose queue is paused.

    """
    async with open_runtime(settings()) as opened:
        await queue_admin.pause(opened.journal, scenario, by, reason)
    return Listing(title=f"the queue of {scenario} is paused")


@flow(name="resume-queue", flow_run_name="resume queue of {scenario}", persist_result=False)
async def resume_queue(by: By, reason: Reason, scenario: ScenarioName = "orders") -> Listing:
    """Hand out items of a paused queue again.

    Example: `uv run python -m flows.operations resume-queue --by ann --reason "stocktaking is done"`

    Args:
        by: Your name, kept in the audit log.
        reason: Why you resume it, kept in the audit log.
        scenario: Scenario whose queue is resumed.

    """
    async with open_runtime(settings()) as opened:
        await queue_admin.resume(opened.journal, scenario, by, reason)
    return Listing(title=f"the queue of {scenario} is resumed")


@flow(name="order-queue", flow_run_name="order queue of {scenario}", persist_result=False)
async def order_queue(
    order: Literal["by-forecast", "fifo"], by: By, reason: Reason, scenario: ScenarioName = "orders"
) -> Listing:
    """Let forecasts order a queue while they prove good enough, or hold it to first in, first out.

    Example: `uv run python -m flows.operations order-queue --order fifo --by ann --reason "odd forecasts"`

    Args:
        order: The order among items of one tenant and one priority.
        by: Your name, kept with the queue.
        reason: Why you change it, kept in the audit log.
        scenario: Scenario whose queue is changed.

    """
    change = queue_admin.hold_to_fifo if order == "fifo" else queue_admin.order_by_forecast
    async with open_runtime(settings()) as opened:
        await change(opened.journal, scenario, by, reason)
        ordered = await order_of(opened.journal.database, scenario)
    return Listing(title=f"the queue of {scenario}: {ordered}")


@flow(name="limit-rate", flow_run_name="limit rate of {scenario}", persist_result=False)
async def limit_rate(  # noqa: PLR0913 - the parameters of a command
    by: By,
    reason: Reason,
    per_second: Annotated[float, Field(ge=0, le=1_000_000)],
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 1,
    tenant: str = "",
    scenario: ScenarioName = "orders",
) -> Listing:
    """Limit the rate at which items leave a queue: of the whole queue, or of one tenant.

    Example: `uv run python -m flows.operations limit-rate --per-second 5 --tenant shop-a --by ann --reason campaign`

    Args:
        by: Your name, kept in the audit log.
        reason: Why you limit it, kept in the audit log.
        per_second: Items in a second at most; 0 removes the limit.
        burst: Items that may leave at once after a pause.
        tenant: Tenant whose items are limited; without it, the whole queue.
        scenario: Scenario whose queue is limited.

    """
    limit = queue_admin.RateLimit(per_second or None, burst, tenant)
    async with open_runtime(settings()) as opened:
        await queue_admin.limit_rate(opened.journal, scenario, limit, by, reason)
    rate = f"{per_second:g} items a second at most" if per_second else "no limit"
    owner = f"tenant {tenant}" if tenant else "the whole queue"
    return Listing(title=f"{scenario}, {owner}: {rate}")


@flow(name="move", flow_run_name="move {key} to {to}", persist_result=False)
async def move(
    key: str,
    to: Literal["front", "back"],
    by: By,
    reason: Reason,
    scenario: ScenarioName = "orders",
) -> Listing:
    """Move a queued item to the front or the back of its queue.

    Example: `uv run python -m flows.operations move W1763367 --to front --by ann --reason "customer in the shop"`

    Args:
        key: Key of the item, such as an order id.
        to: End of the queue that the item moves to.
        by: Your name, kept in the item's history.
        reason: Why you move it, kept in the item's history.
        scenario: Scenario of the item.

    """
    async with open_runtime(settings()) as opened:
        await queue_admin.move(opened.journal, OperatorAction(scenario, key, by, reason), to)
    return Listing(title=f"{scenario} {key} is at the {to} of its queue")
