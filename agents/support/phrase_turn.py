"""Phrase: let a language model write the answer from passages, where the settings name a model."""

from agents.runtime import MODEL, agent
from agents.support.models import Decided, Phrased, Turn, Understood
from agents.support.phrasing import phrase


@agent(MODEL)
async def phrase_turn(turn: Turn, understood: Understood, decided: Decided) -> Phrased:
    """The answer of the model and its citations; empty where the passages themselves are the answer."""
    passages = [part.passage for part in decided.parts if part.passage is not None]
    language = decided.after.language or understood.language
    answer = await phrase(turn.text, [*passages, *decided.besides], language)
    if answer is None:
        return Phrased()
    known = [*passages, *decided.besides]
    return Phrased(text=answer.text, citations=tuple(known[n - 1].source for n in answer.passages))
