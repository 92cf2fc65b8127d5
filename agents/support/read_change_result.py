"""Read the result of the change that a turn has requested, and say "waiting" if a person must approve it."""

from agents.runtime import TransientError, agent
from agents.runtime.messaging import ask
from agents.shop.contracts import CHANGE_RESULT, ChangeQuestion
from agents.support.decide_turn import IN_TURN
from agents.support.models import CarriedOut, ChangeOutcome, Decided, Turn


class NotYet(TransientError):
    """The change is not carried out yet."""


@agent(IN_TURN, version="1.1")
async def read_change_result(_turn: Turn, decided: Decided, carried: CarriedOut) -> ChangeOutcome:
    """Applied, refused by which rule, or waiting for a person. Raises NotYet."""
    if decided.request is None:
        return ChangeOutcome()
    if carried.refused:
        return ChangeOutcome(outcome="refused", rule=carried.refused)
    result = await ask(CHANGE_RESULT, ChangeQuestion(change=carried.change))
    if result.outcome == "open":
        raise NotYet(f"change {carried.change} is not carried out yet")
    return ChangeOutcome(outcome=result.outcome, rule=result.rule, change=carried.change)
