"""Work items made from what the journal stores, with their facts, effects and steps."""

from collections.abc import Sequence

import orjson

from agents.runtime.execution.agent import AGENTS
from agents.runtime.journal.database import Database
from agents.runtime.journal.submit import Claimed, current_rows, load
from agents.runtime.model.item import Decision, Effect, Failure, Item, StepRecord
from agents.runtime.model.lifecycle import State
from agents.runtime.model.scenario import Scenario
from agents.runtime.model.upcasting import Unreadable
from agents.runtime.telemetry import get_logger
from agents.runtime.trace_context import read_traceparent

log = get_logger(__name__)


def rehydrate(scenario: Scenario, claimed: Sequence[Claimed]) -> tuple[list[Item], list[Item]]:
    """The items that this code can read, and those that it cannot, such as of another major version."""
    readable, unreadable = list[Item](), list[Item]()
    for stored in claimed:
        item = _item_of(stored)
        # A forward step reads its fact when it resumes; compensations run no forward steps.
        facts = item.state is State.COMPENSATING
        is_readable = _read_stored(scenario, item, stored, facts=facts)
        (readable if is_readable else unreadable).append(item)
    return readable, unreadable


async def load_ended(database: Database, scenario: Scenario, ids: Sequence[int]) -> list[Item]:
    """Items that have ended, without those that this code cannot read."""
    rows = await current_rows(database, ids)
    return rehydrate(scenario, await load(database, rows))[0]


def rehydrate_whole(scenario: Scenario, claimed: Claimed) -> tuple[Item, bool]:
    """An item that no step continues, with its facts, and whether this code can read all of it."""
    item = _item_of(claimed)
    if not claimed.row.body:  # pruned
        return item, False
    return item, _read_stored(scenario, item, claimed, facts=True)


def _item_of(claimed: Claimed) -> Item:
    row = claimed.row
    item = Item(
        id=row.id,
        tenant=row.tenant,
        scenario=row.scenario,
        key=row.key,
        fence=row.fence,
        state=State(row.state),
        trace=row.trace,
        payload=None,
        failure=Failure(**orjson.loads(row.failure)) if row.failure else None,
        decision=Decision(**orjson.loads(row.decision)) if row.decision else None,
        deadline=row.deadline_here,
        traced=read_traceparent(row.traceparent),
        costs=row.costs,
    )
    for step in sorted(claimed.steps, key=lambda step: step.at) if claimed.steps else ():
        item.steps[step.agent, step.occurrence] = StepRecord(
            step.status, step.attempts, step.output, step.version, step.used
        )
    for effect in claimed.effects:
        item.effects[effect.agent, effect.occurrence] = Effect(
            effect.key, effect.status, effect.intended_at, effect.generation, effect.spent
        )
    return item


def _read_stored(scenario: Scenario, item: Item, claimed: Claimed, *, facts: bool) -> bool:
    """Read the body, and the facts if wanted; False if this code cannot read them."""
    try:
        item.payload = scenario.read(claimed.row.body, claimed.row.version)
        if facts:
            for (name, _), step in item.steps.items():
                if step.status == "done" and name in AGENTS:
                    item.learn(AGENTS[name].decode(step.output, step.version))
    except Unreadable as error:
        log.warning(
            "this version of the code cannot read a stored item",
            item=item.key,
            trace=item.trace,
            error=str(error),
        )
        return False
    return True
