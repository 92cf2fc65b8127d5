"""Phrase: let a language model write the answer from passages, where the settings name a model."""

from agents.runtime import MODEL, PURE, agent
from agents.runtime.settings import settings
from agents.support.language_model import left
from agents.support.models import Decided, Passage, Phrased, Proposed, Turn, Understood
from agents.support.phrasing import phrase


def most_cost(
    _turn: Turn, _understood: Understood, decided: Decided, proposed: Proposed | None
) -> dict[str, float]:
    """The tokens and US dollars that the wording of this answer may take at most."""
    if not settings().models or not _passages(decided):
        return {}
    tokens, dollars = left(proposed or Proposed())
    most = {"model_tokens": float(tokens)}
    return most if dollars is None else most | {"model_dollars": float(dollars)}


@agent(PURE)
def quote_passages(
    _turn: Turn, _understood: Understood, _decided: Decided, _proposed: Proposed | None
) -> Phrased:
    """No wording: the passages themselves are the answer, which costs nothing."""
    return Phrased()


@agent(MODEL, takes=most_cost, cheaper=quote_passages)
async def phrase_turn(
    turn: Turn, understood: Understood, decided: Decided, proposed: Proposed | None
) -> Phrased:
    """The answer of the model and its citations; empty where the passages themselves are the answer."""
    known, language = _passages(decided), decided.after.language or understood.language
    answer = await phrase(turn.text, known, language, proposed or Proposed())
    if answer is None:
        return Phrased()
    return Phrased(text=answer.text, citations=tuple(known[n - 1].source for n in answer.passages))


def _passages(decided: Decided) -> list[Passage]:
    quoted = [part.passage for part in decided.parts if part.passage is not None]
    return [*quoted, *decided.besides]
