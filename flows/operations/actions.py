"""Actions of people on single items. Each is a flow, for the terminal and for the Prefect UI.

`python -m flows.operations` has them as commands.
"""

import asyncio
from typing import Annotated, Literal

from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.errors import IllegalTransition
from agents.runtime.journal import Journal, operator_actions
from agents.runtime.journal.operator_actions import OperatorAction, UnknownItem
from agents.runtime.journal.queries import item_history, letters
from agents.runtime.model.batch import RunStats
from agents.runtime.model.lifecycle import Event
from agents.runtime.settings import settings
from agents.services import connect_services
from flows.cli.error_messages import NotConfirmed
from flows.cli.next_steps import command_lines
from flows.cli.parameters import Body, By, Reason, ScenarioName, Values
from flows.cli.reports import Listing, shown
from flows.operations.correction import Given
from flows.operations.items import summaries
from flows.operations.resume import act_and_resume, finish
from flows.workflows import WORKFLOWS


@flow(name="approve", flow_run_name="approve {key}", persist_result=False)
async def approve(key: str, by: By, reason: Reason, scenario: ScenarioName = "orders") -> Listing:
    """Approve an item that waits for a person; it continues at once.

    Example: `uv run python -m flows.operations approve W1763367 --by ann --reason "known customer"`

    Args:
        key: Key of the item, such as an order id.
        by: Your name, kept in the item's history.
        reason: Why you approve it, kept in the item's history.
        scenario: Scenario of the item.

    """
    return await _decided(OperatorAction(scenario, key, by, reason), approved=True)


@flow(name="reject", flow_run_name="reject {key}", persist_result=False)
async def reject(key: str, by: By, reason: Reason, scenario: ScenarioName = "orders") -> Listing:
    """Reject an item that waits for a person; what was done for it is undone.

    Example: `uv run python -m flows.operations reject W1763367 --by ann --reason "stolen card"`

    Args:
        key: Key of the item, such as an order id.
        by: Your name, kept in the item's history.
        reason: Why you reject it, kept in the item's history.
        scenario: Scenario of the item.

    """
    return await _decided(OperatorAction(scenario, key, by, reason), approved=False)


@flow(name="decide", flow_run_name="{verdict} {key}", persist_result=False)
async def decide(
    key: str,
    verdict: Literal["approve", "reject"],
    by: By,
    reason: Reason,
    scenario: ScenarioName = "orders",
) -> Listing:
    """Approve or reject an item that waits for a person: one form for both, for the Prefect UI.

    Args:
        key: Key of the item, such as an order id.
        verdict: What you decide.
        by: Your name, kept in the item's history.
        reason: Why you decide so, kept in the item's history.
        scenario: Scenario of the item.

    """
    action = OperatorAction(scenario, key, by, reason)
    return await _decided(action, approved=verdict == "approve")


async def _decided(action: OperatorAction, *, approved: bool) -> Listing:
    return await act_and_resume(
        action, lambda journal: operator_actions.decide(journal, action, approved=approved)
    )


@flow(name="edit", flow_run_name="edit {key}", persist_result=False)
async def edit(  # noqa: PLR0913 - three ways to give the body
    key: str,
    by: By,
    reason: Reason,
    values: Values = None,
    from_file: str | None = None,
    body: Body = None,
    scenario: ScenarioName = "orders",
) -> Listing:
    """Change the body of an item that waits; it is validated like a new item and assessed again.

    Example: `uv run python -m flows.operations edit W1763367 --set address.city=Elko --by ann --reason typo`

    Args:
        key: Key of the item, which the new body must have too.
        by: Your name, kept in the item's history.
        reason: Why you edit it, kept in the item's history.
        values: Fields to change, each as FIELD=VALUE, such as address.city=Elko or lines.0.quantity=2.
        from_file: A file with the whole new body as JSON, on the machine where this runs.
        body: The whole new body as JSON.
        scenario: Scenario of the item.

    """
    action = OperatorAction(scenario, key, by, reason)
    given = Given(body, values or [], from_file)

    async def change(journal: Journal) -> None:
        correction = await given.correction(journal, action)
        await operator_actions.edit(journal, action, correction)

    return await act_and_resume(action, change)


@flow(name="restart", flow_run_name="restart {key} at {at}", persist_result=False)
async def restart(
    key: str, at: str, by: By, reason: Reason, scenario: ScenarioName = "orders"
) -> Listing:
    """Run a dead letter, or an item that waits, again from one of its agents on.

    Effects that happened are kept and do not happen again; cancel the item to undo them.

    Example: `uv run python -m flows.operations restart W1763367 --at assess_risk --by ann --reason "new rules"`

    Args:
        key: Key of the item, such as an order id.
        at: Name of an agent that the item has reached, such as assess_risk.
        by: Your name, kept in the item's history.
        reason: Why you restart it, kept in the item's history.
        scenario: Scenario of the item.

    """
    action = OperatorAction(scenario, key, by, reason)
    return await act_and_resume(
        action, lambda journal: operator_actions.restart(journal, action, at)
    )


@flow(name="cancel", flow_run_name="cancel {key}", persist_result=False)
async def cancel(key: str, by: By, reason: Reason, scenario: ScenarioName = "orders") -> Listing:
    """Cancel an item that has not completed: it stops before its next effect and is undone.

    Example: `uv run python -m flows.operations cancel W1763367 --by ann --reason "the customer asked"`

    Args:
        key: Key of the item, such as an order id; a dead letter can be cancelled too.
        by: Your name, kept in the item's history.
        reason: Why you cancel it, kept in the item's history.
        scenario: Scenario of the item.

    """
    action = OperatorAction(scenario, key, by, reason)
    return await act_and_resume(action, lambda journal: operator_actions.cancel(journal, action))


@flow(name="mend", flow_run_name="mend {key}", persist_result=False)
async def mend(  # noqa: PLR0913 - three ways to give the body
    key: str,
    by: By,
    reason: Reason,
    values: Values = None,
    from_file: str | None = None,
    body: Body = None,
    scenario: ScenarioName = "orders",
) -> Listing:
    """Change the body of a dead letter; replay the item afterwards. The first body is kept.

    Example: `uv run python -m flows.operations mend W1763367 --set address.city=Elko --by ann --reason typo`

    Args:
        key: Key of the item, which the new body must have too.
        by: Your name, kept in the item's history.
        reason: What you corrected, kept in the item's history.
        values: Fields to change, each as FIELD=VALUE, such as address.city=Elko or lines.0.quantity=2.
        from_file: A file with the whole new body as JSON, on the machine where this runs.
        body: The whole new body as JSON.
        scenario: Scenario of the item.

    """
    action = OperatorAction(scenario, key, by, reason)
    given = Given(body, values or [], from_file)
    async with open_runtime(settings()) as opened:
        correction = await given.correction(opened.journal, action)
        await operator_actions.mend(opened.journal, action, correction)
    [replay_it] = command_lines(["replay"], scenario, key)
    return Listing(title=f"{scenario} {key} is mended", lines=[f"next: {replay_it}"])


@flow(name="replay", flow_run_name="replay dead letters of {scenario}", persist_result=False)
async def replay(  # noqa: PLR0913 - which items, how fast, who and why
    by: By,
    reason: Reason,
    keys: list[str] | None = None,
    agent: str | None = None,
    per_minute: Annotated[int, Field(ge=1, le=6_000)] = 600,
    scenario: ScenarioName = "orders",
) -> Listing:
    """Continue dead letters where they stopped; an item that was replayed before is skipped.

    Example: `uv run python -m flows.operations replay --agent book_shipment --by ann --reason "carrier is back"`

    Args:
        by: Your name, kept in the history of each item.
        reason: Why you replay them, kept in the history of each item.
        keys: Keys of the items, one after the other; without them, all open dead letters.
        agent: Only items that failed at this agent, such as book_shipment.
        per_minute: Items that are replayed in a minute at most, 1 to 6,000.
        scenario: Scenario of the items.

    """
    workflow = WORKFLOWS[scenario]
    stats = RunStats()
    async with open_runtime(settings()) as opened, connect_services(settings()):
        for key, item in await _dead(opened.journal, scenario, agent, keys):
            action = OperatorAction(scenario, key, by, reason)
            if await operator_actions.replay(opened.journal, action):
                await finish(workflow, [item], stats)
                await asyncio.sleep(60 / per_minute)
    table = [{"outcome": word, "items": str(n)} for word, n in stats.outcomes.items()]
    return await shown("replay", Listing(title=f"{stats.done} replayed", table=table))


async def _dead(
    journal: Journal, scenario: str, agent: str | None, keys: list[str] | None
) -> list[tuple[str, int]]:
    """Key and id of the dead letters to replay, the oldest first; every key is checked first.

    Raises UnknownItem, and IllegalTransition for an item that is not a dead letter.
    """
    if keys is None:
        found = await letters(journal, scenario, agent=agent, most=10_000)
        return [(row.key, row.id) for row in found]
    chosen = []
    for key in keys:
        history = await item_history(journal, scenario, key)
        if history is None:
            raise UnknownItem(scenario, key)
        if history.letter is None or history.letter.status in {"discarded", "cancelled"}:
            raise IllegalTransition(key, history.item.state, Event.REPLAY)
        if agent in {None, history.letter.agent}:
            chosen.append((history.letter.at, key, history.item.id))
    return [(key, item) for _, key, item in sorted(chosen)]


@flow(name="discard", flow_run_name="discard {key}", persist_result=False)
async def discard(
    key: str,
    by: By,
    reason: Reason,
    scenario: ScenarioName = "orders",
    *,
    money_stays: bool = False,
) -> Listing:
    """End a dead letter without undoing anything: undo by hand what must be undone.

    If the customer's money is paid or held, you are asked first.

    Example: `uv run python -m flows.operations discard W1763367 --by ann --reason "refunded by hand"`

    Args:
        key: Key of the item, such as an order id.
        by: Your name, kept in the item's history.
        reason: Why you discard it, kept in the item's history.
        scenario: Scenario of the item.
        money_stays: You know that the customer's money stays as it is.

    """
    action = OperatorAction(scenario, key, by, reason)
    async with open_runtime(settings()) as opened:
        held = await _held(opened.journal, action)
        if held and not money_stays:
            raise NotConfirmed(
                f"{scenario} {key} has {held}, and discard leaves that as it is; "
                f"`cancel` gives it back",
                "money_stays",
            )
        await operator_actions.discard(opened.journal, action)
    lines = [f"stays as it is: {held}"] if held else []
    return Listing(title=f"{scenario} {key} is discarded", lines=lines)


async def _held(journal: Journal, action: OperatorAction) -> str:
    """What the item has of the customer's money; empty if nothing, or if the item cannot be read."""
    found = await item_history(journal, action.scenario, action.key)
    if found is None:
        raise UnknownItem(action.scenario, action.key)
    known = await summaries(journal, action.scenario, [found.item.id])
    return known[found.item.id].held if found.item.id in known else ""
