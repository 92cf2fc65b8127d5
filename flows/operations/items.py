"""Lists items from the journal: dead letters, items that wait for a person, one item's history."""

from collections.abc import Iterable
from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.execution.rehydrate import rehydrate_whole
from agents.runtime.journal import Journal
from agents.runtime.journal.dependencies import needed_by
from agents.runtime.journal.item_eta import item_eta
from agents.runtime.journal.operator_actions import UnknownItem
from agents.runtime.journal.queries import item_history, letters, waiting
from agents.runtime.journal.submit import current_rows, load
from agents.runtime.model.scenario import Summary, no_summary
from agents.runtime.scheduling.eta import duration
from agents.runtime.settings import settings
from flows.cli.forecast_text import item_lines
from flows.cli.parameters import ScenarioName
from flows.cli.reports import Listing, due, item_report, shown, summary_columns
from flows.workflows import WORKFLOWS

HOUR = 3600.0
MOST_WAITING = 1_000
MOST_NEEDS = 20


async def summaries(journal: Journal, scenario: str, ids: Iterable[int]) -> dict[int, Summary]:
    """What the scenario says of each item, by its id; items that this code cannot read are left out."""
    workflow = WORKFLOWS[scenario]
    if workflow.scenario.summary is no_summary:
        return dict.fromkeys(ids, Summary())  # without loading the agents
    workflow.load()  # first: each agent reads its own facts of an item
    rows = await current_rows(journal.database, list(ids))
    found = {}
    for claimed in await load(journal.database, rows):
        version = workflow.scenario.of(claimed.row.version) or workflow.scenario
        item, is_readable = rehydrate_whole(version, claimed)
        if is_readable:
            found[item.id] = version.summary(item)
    return found


@flow(name="dead-letters", flow_run_name="dead letters of {scenario}", persist_result=False)
async def dead_letters(
    scenario: ScenarioName = "orders",
    agent: str | None = None,
    older_than_hours: Annotated[float, Field(ge=0)] = 0.0,
    most: Annotated[int, Field(ge=1, le=10_000)] = 100,
) -> Listing:
    """List the open dead letters, the oldest first: items that could not be finished.

    Example: `uv run python -m flows.operations dead-letters --agent book_shipment --older-than-hours 2`

    Args:
        scenario: Scenario of the items.
        agent: Only items that failed at this agent, such as book_shipment.
        older_than_hours: Only dead letters that are at least this old, in hours.
        most: Rows to list at most, 1 to 10,000.

    """
    async with open_runtime(settings()) as opened:
        found = await letters(
            opened.journal, scenario, agent=agent, older_than=older_than_hours * HOUR, most=most
        )
        known = await summaries(opened.journal, scenario, [row.id for row in found])
    table = [
        {
            "item": row.key,
            "agent": row.agent,
            "state": row.state,
            "error": row.error,
            **summary_columns(known.get(row.id)),
            "attempts": str(row.attempts),
            "times failed": str(row.count),
            "age": duration(row.age),
        }
        for row in found
    ]
    return await shown("dead-letters", Listing(title=f"{len(table)} dead letters", table=table))


@flow(name="waiting", flow_run_name="waiting items of {scenario}", persist_result=False)
async def waiting_items(scenario: ScenarioName = "orders") -> Listing:
    """List the items that wait for a person, those that wait longest first.

    Example: `uv run python -m flows.operations waiting`

    Args:
        scenario: Scenario of the items.

    """
    async with open_runtime(settings()) as opened:
        found = await waiting(opened.journal, scenario, most=MOST_WAITING)
        known = await summaries(opened.journal, scenario, [row.id for row in found])
    table = [
        {
            "item": row.key,
            "asks": row.reason or "",
            **summary_columns(known.get(row.id)),
            "waits": duration(row.age),
            "escalated": "no" if row.due is None else "yes",
            "due": due(row),
        }
        for row in found
    ]
    return await shown("waiting", Listing(title=f"{len(table)} items wait", table=table))


@flow(name="show", flow_run_name="show {key}", persist_result=False)
async def show_item(key: str, scenario: ScenarioName = "orders") -> Listing:
    """Show one item: its events, forecast, steps, effects, messages and money, and what can be done next.

    Example: `uv run python -m flows.operations show W1763367`

    Args:
        key: Key of the item, such as an order id.
        scenario: Scenario of the item.

    """
    async with open_runtime(settings()) as opened:
        found = await item_history(opened.journal, scenario, key)
        if found is None:
            raise UnknownItem(scenario, key)
        known = await summaries(opened.journal, scenario, [found.item.id])
        forecast = item_lines(found.item, await item_eta(opened.journal.database, found))
        needs = (await needed_by(opened.journal.database, [found.item.id])).get(found.item.id, ())
    can_correct = WORKFLOWS[scenario].scenario.validate is not None
    summary = known.get(found.item.id, Summary())
    listing = item_report(found, summary, forecast, can_correct=can_correct)
    listing.lines[:0] = [f"waits for {row.key}, which is {row.state}" for row in needs[:MOST_NEEDS]]
    return await shown("show", listing)
