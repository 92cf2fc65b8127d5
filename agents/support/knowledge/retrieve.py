"""Passages of the shop's own documents that may answer a question, if there are any."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from agents.runtime.settings import settings
from agents.support.knowledge.documents import passages_of
from agents.support.knowledge.index import Index, Way, text_of
from agents.support.models import Language, Passage

DOCUMENTS = Path(__file__).parent / "documents"
CUSTOMERS = "customers"
# Below both nothing has been found: 95 of 100 sentences of chatter lie below, 95 of 100 examples of
# questions above one of them.
LEAST_WORDS = 3.0
LEAST_MEANING: Mapping[Language, float] = {"en": 0.85, "zh": 0.87}


def retrieve(
    question: str,
    language: Language,
    limit: int = 3,
    *,
    audience: str = CUSTOMERS,
    way: Way = "both",
) -> tuple[Passage, ...]:
    """The best passages that this audience may read, the best first; none if none speaks of it."""
    index, passages = _index(language, audience, _state(language))
    if not passages:
        return ()
    found = index.search(question, limit, way)
    if not found or (found[0].words < LEAST_WORDS and found[0].meaning < LEAST_MEANING[language]):
        return ()
    return tuple(
        passages[one.number].model_copy(update={"score": round(one.meaning or one.words, 4)})
        for one in found
    )


def readable(language: Language, audience: str = CUSTOMERS) -> tuple[Passage, ...]:
    """What this audience may read. What may not be read is not even indexed for it."""
    return _index(language, audience, _state(language))[1]


def stale(language: Language, day: str) -> list[Passage]:
    """Passages of documents that nobody has checked since that day (ISO 8601)."""
    return [passage for passage in readable(language) if passage.since < day]


def _folder(language: Language) -> Path:
    return (settings().knowledge or DOCUMENTS) / language


def _state(language: Language) -> tuple[tuple[str, int], ...]:
    """What changes when a document does, so that the index is made anew."""
    return tuple((str(p), p.stat().st_mtime_ns) for p in sorted(_folder(language).rglob("*")))


@cache
def _index(
    language: Language, audience: str, _state: tuple[tuple[str, int], ...]
) -> tuple[Index, tuple[Passage, ...]]:
    told: Sequence[Passage] = passages_of(_folder(language), language)
    passages = tuple(p for p in told if audience in (p.audience, "staff"))
    return Index([text_of(passage) for passage in passages]), passages
