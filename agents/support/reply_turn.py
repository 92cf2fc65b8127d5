"""Reply: the answer, composed from facts and passages; the same turn has the same answer."""

from agents.runtime.agent import agent
from agents.runtime.policies import PURE
from agents.support.dialogue.words import reply
from agents.support.models import CarriedOut, Decided, Replied, Turn, Understood


@agent(PURE)
def reply_turn(
    _turn: Turn, understood: Understood, decided: Decided, carried: CarriedOut
) -> Replied:
    """Say it in the user's language, and remember what the next turn has to know."""
    return reply(understood.language, decided, carried)
