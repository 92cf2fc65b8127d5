"""Propose: let a language model say what a turn wants, where the settings name a model; code disposes."""

from dataclasses import replace

from agents.runtime import MODEL, PURE, agent
from agents.runtime.settings import settings
from agents.support.decide_turn import IN_TURN, seen
from agents.support.dialogue.disposing import needs_proposal
from agents.support.dialogue.proposal import propose
from agents.support.language_model import left
from agents.support.models import Dialogue, Proposed, Turn, Understood

PROPOSAL = replace(MODEL, name="proposal", attempts=IN_TURN.attempts)  # it waits for turns before


def most_cost(turn: Turn, understood: Understood) -> dict[str, float]:
    """The tokens and US dollars that a proposal may take at most: half of what a turn may."""
    if not settings().models or not needs_proposal(turn.text, understood, Dialogue()):
        return {}
    tokens, dollars = left(Proposed())
    most = {"model_tokens": float(tokens // 2)}
    return most if dollars is None else most | {"model_dollars": float(dollars) / 2}


@agent(PURE)
def propose_nothing(_turn: Turn, _understood: Understood) -> Proposed:
    """No proposal: the rules go on alone, which costs nothing."""
    return Proposed()


@agent(PROPOSAL, takes=most_cost, cheaper=propose_nothing)
async def propose_turn(turn: Turn, understood: Understood) -> Proposed:
    """The command of the model; none where it could not count. Raises OutOfOrder."""
    if not settings().models or not needs_proposal(turn.text, understood, Dialogue()):
        return Proposed()
    scene = await seen(turn, understood)
    if scene.before.taken_over:
        return Proposed()
    return await propose(turn, scene.before, scene.shop, scene.passages)
