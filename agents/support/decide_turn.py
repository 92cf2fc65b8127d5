"""Decide: what is done about a turn, by what was said before and by the user's own orders."""

import orjson

from agents.runtime.agent import agent
from agents.runtime.journal import journal
from agents.runtime.journal.inquiries import life
from agents.runtime.policies import READ
from agents.support.dialogue.policy import decide, wanted_order
from agents.support.knowledge.retrieve import retrieve
from agents.support.models import Decided, Dialogue, Replied, Turn, Understood, key_of

SCENARIO, ORDERS = "turns", "orders"
ANSWERED_BY = "reply_turn"


@agent(READ)
async def decide_turn(turn: Turn, understood: Understood) -> Decided:
    """The action; orders of others are as unknown as those that are none."""
    before = await remembered(turn)
    order = wanted_order(understood, before)
    state = await own_order(turn.user, order) if order else None
    states = {order: state} if state is not None else {}
    return decide(turn, understood, before, retrieve, states)


async def remembered(turn: Turn) -> Dialogue:
    """What the turn before left; nothing for the first, or if that one was never answered."""
    told = await life(journal(), SCENARIO, key_of(turn.conversation, turn.number - 1))
    for stage in told.stages if told is not None else ():
        if stage.agent == ANSWERED_BY and stage.status == "done":
            return Replied.model_validate_json(stage.output).after
    return Dialogue()


async def own_order(user: str, order: str) -> str | None:
    """The state of the user's order; None if there is no such order, or it is somebody else's."""
    told = await life(journal(), ORDERS, order)
    if told is None or not told.item.body:
        return None
    owner = orjson.loads(told.item.body)["customer"]["id"]
    return str(told.item.state) if owner == user else None
