"""Passages of the shop's own documents that may answer a question, if there are any."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from agents.runtime.settings import settings
from agents.support.knowledge.documents import STAFF, passages_of
from agents.support.knowledge.index import Index, Question, Way, text_of
from agents.support.models import Language, Passage
from agents.support.understanding.embedding import is_available
from agents.support.understanding.vectors import shared_vectors

DOCUMENTS = Path(__file__).parent / "documents"
CUSTOMERS = "customers"
# Below both limits nothing counts as found: 95 of 100 sentences of chatter lie below both, 95 of 100
# examples of questions above one of them.
LEAST_WORDS = 3.0
LEAST_MEANING: Mapping[Language, float] = {"en": 0.85, "zh": 0.87}

Passages = tuple[Passage, ...]
State = tuple[tuple[str, int], ...]
Collection = tuple[Language, str, State]
"""The documents of a language that an audience may read, in their present state."""

_indexes: dict[Collection, Index] = {}


async def retrieve(
    question: str,
    language: Language,
    limit: int = 3,
    *,
    audience: str = CUSTOMERS,
    way: Way = "both",
) -> Passages:
    """The passages that fit best and that this audience may read, the best first; none if none fits."""
    collection = (language, audience, _state(language))
    passages = _readable(*collection)
    if not passages:
        return ()
    index, meaning = await _index(collection), None
    if is_available() and way != "words":
        (meaning,) = await shared_vectors([question])
    found = index.search(Question(question, meaning), limit, way)
    if not found or (found[0].words < LEAST_WORDS and found[0].meaning < LEAST_MEANING[language]):
        return ()
    return tuple(
        passages[one.number].model_copy(update={"score": round(one.meaning or one.words, 4)})
        for one in found
    )


def readable(language: Language, audience: str = CUSTOMERS) -> Passages:
    """The passages that this audience may read; no index holds any other passage."""
    return _readable(language, audience, _state(language))


def stale(language: Language, day: str) -> list[Passage]:
    """Passages of documents that nobody has checked since that day (ISO 8601)."""
    return [passage for passage in readable(language) if passage.since < day]


def _folder(language: Language) -> Path:
    return (settings().knowledge or DOCUMENTS) / language


def _state(language: Language) -> State:
    """A value that changes when a document does."""
    return tuple((str(p), p.stat().st_mtime_ns) for p in sorted(_folder(language).rglob("*")))


@cache
def _readable(language: Language, audience: str, _state: State) -> Passages:
    found = passages_of(_folder(language), language)
    return tuple(passage for passage in found if audience in (passage.audience, STAFF))


async def _index(collection: Collection) -> Index:
    """The index of these documents, made once in a process."""
    if collection not in _indexes:
        texts = [text_of(passage) for passage in _readable(*collection)]
        rows = await shared_vectors(texts, "passage") if is_available() else None
        if collection not in _indexes:  # another task may have been quicker
            _indexes[collection] = Index(texts, rows)
    return _indexes[collection]
