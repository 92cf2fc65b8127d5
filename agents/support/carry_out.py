"""Carry out: what a turn changes in the world, once, and only what its user has confirmed."""

from agents.runtime.agent import EffectKey, agent
from agents.runtime.errors import IllegalTransition
from agents.runtime.journal import journal
from agents.runtime.journal.inquiries import life
from agents.runtime.journal.interventions import Act, cancel
from agents.runtime.policies import EFFECT, Lookup
from agents.support.decide_turn import ORDERS, own_order
from agents.support.models import CarriedOut, Decided, Turn

GIVEN_UP = {"compensating", "compensated", "cancelled"}


async def find_carried_out(_turn: Turn, decided: Decided) -> CarriedOut | None:
    """Whether the order is cancelled, or will be."""
    if decided.action != "cancel_order":
        return CarriedOut(done=False)
    told = await life(journal(), ORDERS, decided.order)
    asked = told is not None and (told.item.cancel_requested or told.item.state in GIVEN_UP)
    return CarriedOut(done=True) if asked else None


@agent(EFFECT, settle=Lookup(find_carried_out))
async def carry_out(turn: Turn, decided: Decided, key: EffectKey) -> CarriedOut:
    """Cancel the order that the user has confirmed; whose it is, is looked at once more."""
    if decided.action != "cancel_order" or await own_order(turn.user, decided.order) is None:
        return CarriedOut(done=False)
    act = Act(ORDERS, decided.order, f"customer {turn.user}", f"asked for in {key}")
    try:
        await cancel(journal(), act)
    except IllegalTransition:
        return CarriedOut(done=False)
    return CarriedOut(done=True)
