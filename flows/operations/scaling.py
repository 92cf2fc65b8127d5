"""Scaling: how many consumers each version of a queue has and needs, and how many it may have.

`python -m flows.operations scale` has it as a command.
"""

from dataclasses import replace
from typing import Annotated, Any

from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.journal.eta import queue_eta
from agents.runtime.journal.scale import BadScaleBounds, QueueScale, bounds_of, set_bounds
from agents.runtime.scheduling.eta import duration
from agents.runtime.scheduling.scaling import ScaleBounds
from agents.runtime.settings import settings
from flows.cli.parameters import By, Reason, ScenarioName
from flows.cli.reports import Listing, shown

UNSAID = "-"
Consumers = Annotated[int | None, Field(ge=0, le=1_000)]
Seconds = Annotated[float | None, Field(ge=1, le=86_400)]


@flow(name="scale", flow_run_name="scale {scenario}", persist_result=False)
async def scale(  # noqa: PLR0913 - the parameters of a command
    scenario: ScenarioName = "orders",
    least: Consumers = None,
    most: Consumers = None,
    drain_seconds: Seconds = None,
    cooldown_seconds: Seconds = None,
    by: By = UNSAID,
    reason: Reason = UNSAID,
) -> Listing:
    """Show how many consumers each version of a queue has and needs; or change the bounds first.

    An autoscaler reads the same numbers. Bounds that are set here hold on this installation until they
    are set again: `deployments.apply` leaves them alone.

    Example: `uv run python -m flows.operations scale --most 12 --by ann --reason "the sale begins"`

    Args:
        scenario: Scenario whose queue is shown.
        least: Consumers of the current version at least.
        most: Consumers of a version at most.
        drain_seconds: Seconds in which a backlog should drain.
        cooldown_seconds: Seconds after the last item until the last consumer may stop.
        by: Your name, kept in the audit log; needed to change bounds.
        reason: Why you change them, kept in the audit log; needed too.

    """
    asked = {"least": least, "most": most, "target": drain_seconds, "cooldown": cooldown_seconds}
    changes = {name: value for name, value in asked.items() if value is not None}
    if changes and UNSAID in (by, reason):
        raise BadScaleBounds("who sets bounds and why", "said: add --by and --reason")
    async with open_runtime(settings()) as opened:
        bounds = await bounds_of(opened.journal.database, scenario)
        if changes:
            bounds = _changed(bounds, changes)
            await set_bounds(opened.journal, scenario, bounds, by, reason)
        found = await queue_eta(opened.journal.database, scenario)
    title = f"{scenario}: {bounds.least} to {bounds.most} consumers; {found.in_words()}"
    table = [_row(one) for one in found.versions]
    return await shown("scale", Listing(title=title, table=table, lines=[_aim(bounds)]))


def _changed(bounds: ScaleBounds, changes: dict[str, Any]) -> ScaleBounds:
    return replace(bounds, **changes)


def _row(one: QueueScale) -> dict[str, str]:
    """A version: `pace` is how much work a busy consumer does in a second."""
    return {
        "version": str(one.version),
        "consumers": str(one.load.consumers),
        "with items": str(one.load.claimed),
        "wanted": str(one.wanted),
        "work that waits": duration(one.load.waiting) if one.load.waiting else "none",
        "pace": f"{one.load.pace:,.1f}x",
    }


def _aim(bounds: ScaleBounds) -> str:
    return (
        f"a backlog should drain in {duration(bounds.target)}; the last consumer stays for "
        f"{duration(bounds.cooldown)} after the last item"
    )
