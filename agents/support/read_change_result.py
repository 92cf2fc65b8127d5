"""Learn: what came of the change that a turn has asked for, by those who carry changes out."""

import orjson

from agents.runtime.context import runtime
from agents.runtime.errors import TransientError
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.queries import named
from agents.runtime.model.lifecycle import ENDED, State
from agents.support.decide_turn import CHANGES, IN_TURN
from agents.support.models import CarriedOut, Decided, Learned, Turn


class NotYet(TransientError):
    """Whoever carries changes out has not done so."""


@agent(IN_TURN)
async def read_change_result(_turn: Turn, decided: Decided, carried: CarriedOut) -> Learned:
    """Applied, refused by which rule, or waiting for a person. Raises NotYet."""
    if decided.request is None:
        return Learned()
    if carried.refused:
        return Learned(outcome="refused", rule=carried.refused)
    item = (await named(runtime().journal, CHANGES, [carried.change]))[0]
    if item.state == State.COMPLETED:
        return Learned(outcome="applied")
    if item.state == State.WAITING:
        return Learned(outcome="waiting")
    if item.state in ENDED:
        return Learned(outcome="refused", rule=_rule(item.failure))
    raise NotYet(f"change {carried.change} is not carried out yet")


def _rule(failure: str | None) -> str:
    """The rule in "refused, RULE: subject", or none of ours."""
    error = str(orjson.loads(failure)["error"]) if failure else ""
    if not error.startswith("refused, "):
        return "other"
    return error.removeprefix("refused, ").partition(":")[0]
