"""Operations: what schedules do about work that is unfinished, and what people look at and do.

Each is a flow, so it runs from the Prefect UI, by a schedule, or by `python -m flows.operations`.
"""

from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.journal import pruning
from agents.runtime.journal.operator_actions import UnknownItem
from agents.runtime.journal.queries import item_history, letters, waiting
from agents.runtime.prefect_ui import alert
from agents.runtime.recovery import recovery as reconciler
from agents.runtime.settings import settings
from agents.services import connect_services
from flows.comparison import compare
from flows.interventions import cancel, decide, discard, edit, mend, replay, restart
from flows.listings import Listing, shown
from flows.messages import dead_messages, remove_group, revive_message
from flows.parameters import ScenarioName
from flows.queueing import backlog, limit_rate, move, pause_queue, resume_queue
from flows.shortages import shortages
from flows.stories import STORIES, finish, told_life
from flows.terminal import commands

HOUR = 3600.0
DAY = 24 * HOUR


@flow(name="reconcile", persist_result=False)
async def reconcile(
    escalate_after_hours: Annotated[float, Field(ge=0)] = 24.0,
    reject_after_hours: Annotated[float, Field(ge=0)] = 72.0,
    letter_limit_hours: Annotated[float, Field(ge=0)] = 24.0,
) -> Listing:
    """Finish what nobody works on, send what was not sent, and call people where they are needed.

    Args:
        escalate_after_hours: An item waiting longer for a decision is escalated.
        reject_after_hours: An item escalated so long ago is rejected by time-out.
        letter_limit_hours: A dead letter older than this raises an alert.

    """
    async with open_runtime(settings()) as opened, connect_services(settings()):
        table = []
        for name, story in STORIES.items():
            overdue = await reconciler.apply_timeouts(
                opened.journal, name, escalate_after_hours * HOUR, reject_after_hours * HOUR
            )
            finished = await finish(story)
            sent = 0
            if story.notify is not None:
                sent = await reconciler.send_unsent_notices(
                    opened.journal, story.scenario, story.notify
                )
            old = await letters(opened.journal, name, older_than=letter_limit_hours * HOUR)
            for row in old:
                alert("dead-letter.old", name, row.key, row.error)
            done = dict(finished.outcomes) | overdue | {"messages": sent, "old letters": len(old)}
            table += [
                {"scenario": name, "what": w, "items": f"{n:,}"} for w, n in done.items() if n
            ]
        crashed = await reconciler.remove_crashed_workers(opened.journal)
    if crashed:
        table.append(
            {"scenario": "-", "what": "flow runs of dead processes", "items": str(crashed)}
        )
    return await shown("reconcile", Listing(title="reconciled", table=table))


@flow(name="dead-letters", persist_result=False)
async def dead_letters(
    scenario: ScenarioName = "orders",
    agent: str | None = None,
    older_than_hours: Annotated[float, Field(ge=0)] = 0.0,
    most: Annotated[int, Field(ge=1, le=10_000)] = 100,
) -> Listing:
    """List the dead letters, the oldest first.

    Args:
        scenario: Whose.
        agent: Only those that died at this agent.
        older_than_hours: Only those that are older.
        most: At most so many.

    """
    async with open_runtime(settings()) as opened:
        found = await letters(
            opened.journal, scenario, agent=agent, older_than=older_than_hours * HOUR, most=most
        )
    table = [
        {
            "item": row.key,
            "agent": row.agent,
            "state": row.state,
            "error": row.error,
            "attempts": str(row.attempts),
            "times": str(row.count),
            "hours": f"{row.age / HOUR:.1f}",
        }
        for row in found
    ]
    return await shown("dead-letters", Listing(title=f"{len(table)} dead letters", table=table))


@flow(name="waiting", persist_result=False)
async def waiting_items(scenario: ScenarioName = "orders") -> Listing:
    """List the items that wait for a person, the longest first.

    Args:
        scenario: Whose.

    """
    async with open_runtime(settings()) as opened:
        found = await waiting(opened.journal, scenario)
    table = [
        {"item": row.key, "asks": row.reason or "", "hours": f"{row.age / HOUR:.1f}"}
        for row in found
    ]
    return await shown("waiting", Listing(title=f"{len(table)} items wait", table=table))


@flow(name="show", persist_result=False)
async def show_item(key: str, scenario: ScenarioName = "orders") -> Listing:
    """Show the whole life of one item.

    Args:
        key: The item's key, such as the order's id.
        scenario: Whose.

    """
    async with open_runtime(settings()) as opened:
        told = await item_history(opened.journal, scenario, key)
    if told is None:
        raise UnknownItem(scenario, key)
    return await shown("show", told_life(told))


@flow(name="prune", persist_result=False)
async def prune(older_than_days: Annotated[float, Field(gt=0)] = 90.0) -> Listing:
    """Forget items that ended long ago, but for the row by which they are recognised.

    Args:
        older_than_days: What ended before that; never less than senders may repeat themselves.

    """
    async with open_runtime(settings()) as opened:
        table = [
            {
                "scenario": name,
                "items": f"{await pruning.prune(opened.journal, name, older_than_days * DAY):,}",
            }
            for name in STORIES
        ]
    return await shown("prune", Listing(title="pruned", table=table))


if __name__ == "__main__":
    commands(
        "flows.operations",
        *(reconcile, dead_letters, waiting_items, show_item),
        *(decide, edit, cancel, mend, replay, restart, discard),
        *(backlog, pause_queue, resume_queue, limit_rate, move),
        *(dead_messages, revive_message, remove_group),
        *(compare, shortages, prune),
    )
