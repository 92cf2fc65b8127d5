"""Work items brought back from the journal, each as the process before left it."""

from collections.abc import Sequence

import orjson

from agents.runtime.execution.agent import AGENTS
from agents.runtime.journal.database import Database
from agents.runtime.journal.submit import Claimed, load, outlook
from agents.runtime.model.item import Decision, Effect, Failure, Item, StepRecord
from agents.runtime.model.lifecycle import State
from agents.runtime.model.scenario import Scenario
from agents.runtime.model.upcasting import Unreadable
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)


def rehydrate(scenario: Scenario, claimed: Sequence[Claimed]) -> tuple[list[Item], list[Item]]:
    """The items, and apart from them those whose stored form this code cannot read.

    An item of another major version is one of the latter: the code that wrote it must go on with it.
    """
    readable, unreadable = list[Item](), list[Item]()
    for one in claimed:
        item = _shell(one)
        stated = item.state is State.COMPENSATING  # no agent will be asked for it again
        (readable if _filled(scenario, item, one, stated=stated) else unreadable).append(item)
    return readable, unreadable


async def load_ended(database: Database, scenario: Scenario, ids: Sequence[int]) -> list[Item]:
    """Items that have ended, for what is still to be told about them."""
    rows = await outlook(database, ids)
    return rehydrate(scenario, await load(database, rows))[0]


def rehydrate_ended(scenario: Scenario, claimed: Claimed) -> tuple[Item, bool]:
    """An ended item with what its agents stated, and whether this code can read all of that."""
    item = _shell(claimed)
    return item, _filled(scenario, item, claimed, stated=True)


def _shell(claimed: Claimed) -> Item:
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
    )
    for step in sorted(claimed.steps, key=lambda step: step.at):
        item.steps[step.agent, step.occurrence] = StepRecord(
            step.status, step.attempts, step.output, step.version
        )
    for effect in claimed.effects:
        item.effects[effect.agent, effect.occurrence] = Effect(
            effect.key, effect.status, effect.intended_at
        )
    return item


def _filled(scenario: Scenario, item: Item, claimed: Claimed, *, stated: bool) -> bool:
    """Read the body and, if it is wanted, what the agents have stated."""
    try:
        item.payload = scenario.read(claimed.row.body, claimed.row.version)
        if stated:
            for (name, _), step in item.steps.items():
                if step.status == "done" and name in AGENTS:
                    item.learn(AGENTS[name].decode(step.output, step.version))
    except Unreadable as error:
        log.warning("cannot read a stored item", item=item.key, error=str(error))
        return False
    return True
