"""Queues: what waits in them and when it will be done; pause one, limit its rate, move an item.

`python -m flows.operations` has them as commands.
"""

from typing import Annotated, Literal

from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.intake.scaling import alert_if_old, backlog_table, read_backlog
from agents.runtime.journal import queue_admin as steering
from agents.runtime.journal.operator_actions import OperatorAction
from agents.runtime.settings import settings
from flows.cli.parameters import By, Reason, ScenarioName
from flows.cli.reports import Listing, shown

MINUTE = 60.0


@flow(name="backlog", persist_result=False)
async def backlog(
    scenario: ScenarioName = "orders",
    oldest_limit_minutes: Annotated[float, Field(gt=0)] = 15.0,
) -> Listing:
    """Show what waits in a queue, by tenant and priority; raise an alert if it waits too long.

    Args:
        scenario: Whose queue.
        oldest_limit_minutes: An item that waits longer than this raises an alert.

    """
    async with open_runtime(settings()) as opened:
        found = await read_backlog(opened.journal.database, scenario)
    alert_if_old(scenario, found, oldest_limit_minutes * MINUTE)
    waiting = sum(entry.waiting for entry in found)
    title = f"{waiting:,} items of {scenario} wait"
    return await shown("backlog", Listing(title=title, table=backlog_table(found)))


@flow(name="pause-queue", persist_result=False)
async def pause_queue(by: By, reason: Reason, scenario: ScenarioName = "orders") -> Listing:
    """Hand out nothing of a queue until it is resumed; what is in work goes on.

    Args:
        by: Who you are.
        reason: Why.
        scenario: Whose queue.

    """
    async with open_runtime(settings()) as opened:
        await steering.pause(opened.journal, scenario, by, reason)
    return Listing(title=f"the queue of {scenario} is paused")


@flow(name="resume-queue", persist_result=False)
async def resume_queue(scenario: ScenarioName = "orders") -> Listing:
    """Hand out items of a paused queue again.

    Args:
        scenario: Whose queue.

    """
    async with open_runtime(settings()) as opened:
        await steering.resume(opened.journal, scenario)
    return Listing(title=f"the queue of {scenario} hands out items")


@flow(name="limit-rate", persist_result=False)
async def limit_rate(
    per_second: Annotated[float, Field(ge=0, le=1_000_000)],
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 1,
    tenant: str = "",
    scenario: ScenarioName = "orders",
) -> Listing:
    """Let at most so many items a second leave a queue, all in all or of one tenant.

    Args:
        per_second: Items a second; 0 takes the limit away.
        burst: So many may go at once after a pause.
        tenant: Whose items; without it, those of the whole queue.
        scenario: Whose queue.

    """
    async with open_runtime(settings()) as opened:
        await steering.limit_rate(opened.journal, scenario, per_second or None, burst, tenant)
    told = f"{per_second:g} a second" if per_second else "no limit"
    return Listing(title=f"{scenario} {tenant or 'in all'}: {told}")


@flow(name="move", persist_result=False)
async def move(
    key: str,
    to: Literal["front", "back"],
    by: By,
    reason: Reason,
    scenario: ScenarioName = "orders",
) -> Listing:
    """Move an item that waits to the front or the back of its queue.

    Args:
        key: The item's key, such as the order's id.
        to: Which end.
        by: Who you are.
        reason: Why.
        scenario: Whose.

    """
    async with open_runtime(settings()) as opened:
        await steering.move(opened.journal, OperatorAction(scenario, key, by, reason), to)
    return Listing(title=f"{scenario} {key} is at the {to} of its queue")
