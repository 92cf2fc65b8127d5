"""Reply: compose the answer from templates, facts and passages; the same turn has the same answer."""

from agents.runtime import PURE, agent
from agents.support import upcasts
from agents.support.dialogue.render import reply
from agents.support.models import ChangeOutcome, Decided, Phrased, Replied, Turn, Understood


@agent(
    PURE,
    version="1.4",
    upcasts={"1.1": upcasts.replied, "1.3": upcasts.began, "1.4": upcasts.said_of_tasks},
)
def reply_turn(
    _turn: Turn, understood: Understood, decided: Decided, result: ChangeOutcome, phrased: Phrased
) -> Replied:
    """The answer in the user's language, and what the next turn has to know."""
    return reply(decided.after.language or understood.language, decided, result, phrased)
