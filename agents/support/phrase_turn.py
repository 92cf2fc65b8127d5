"""Phrase: an answer from passages in the words of a language model, where an account for one is set."""

from agents.runtime.execution.decorator import agent
from agents.runtime.model.policies import MODEL
from agents.support.models import Decided, Phrased, Turn, Understood
from agents.support.phrasing import worded


@agent(MODEL)
async def phrase_turn(turn: Turn, understood: Understood, decided: Decided) -> Phrased:
    """The words and what they cite; nothing where the passages themselves are the answer."""
    passages = [part.passage for part in decided.parts if part.passage is not None]
    language = decided.after.language or understood.language
    answer = await worded(turn.text, [*passages, *decided.besides], language)
    if answer is None:
        return Phrased()
    known = [*passages, *decided.besides]
    return Phrased(text=answer.text, citations=tuple(known[n - 1].source for n in answer.passages))
