"""Passages of the shop's own documents that may answer a question, if there are any.

Where the documents list questions that their sections answer, a classifier learns them, beside what nobody
can answer, and a passage is found only if it is more probable than everything else together. Other
documents are searched by words and by meaning.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from agents.runtime.settings import settings
from agents.support.knowledge.documents import STAFF, AskedPassage, not_answered, passages_of
from agents.support.knowledge.index import Index, Question, Way, text_of, words_of
from agents.support.models import Language
from agents.support.understanding.classify import Model, fit, language_of
from agents.support.understanding.embedding import is_available
from agents.support.understanding.examples import OUT, training
from agents.support.understanding.slots import to_classify
from agents.support.understanding.vectors import shared_vectors

DOCUMENTS = Path(__file__).parent / "documents"
CUSTOMERS = "customers"
# Below both limits nothing counts as found: 95 of 100 sentences of chatter lie below both, 95 of 100
# examples of questions above one of them.
LEAST_WORDS = 3.0
# More probable than everything else together. With these limits 5 of 100 questions of a set that was written for it
# were answered wrongly; two in five of them had no answer.
LEAST_SURE: Mapping[Language, float] = {"en": 0.6, "zh": 0.55}
RARE = 2  # texts that have a piece of a word: with pieces of one text a fit of Chinese took five times as long
LEAST_MEANING: Mapping[Language, float] = {"en": 0.85, "zh": 0.87}

Passages = tuple[AskedPassage, ...]
State = tuple[tuple[str, int], ...]
Collection = tuple[Language, str, State]
"""The documents of a language that an audience may read, in their present state."""

_indexes: dict[Collection, Index] = {}
_asked: dict[Collection, Model] = {}


async def retrieve(
    question: str,
    language: Language,
    limit: int = 3,
    *,
    audience: str = CUSTOMERS,
    way: Way = "both",
) -> Passages:
    """The passages that fit best and that this audience may read, the best first; none if none fits.

    `score` is a probability where the passage lists what it is `asked`, and otherwise a similarity.
    """
    collection = (language, audience, _state(language))
    passages = _readable(*collection)
    if not passages:
        return ()
    if way == "both" and all(passage.asked for passage in passages):
        best = await ranked(question, language, audience)
        return best[:limit] if best[0].score >= LEAST_SURE[language] else ()
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


async def ranked(question: str, language: Language, audience: str = CUSTOMERS) -> Passages:
    """Every passage, the most probable first, however improbable; all of them list what they are asked."""
    collection = (language, audience, _state(language))
    passages, text = _readable(*collection), to_classify(question)
    rows = await shared_vectors([text]) if is_available() else np.zeros((1, 0), np.float32)
    found, _ = (await _of_asked(collection)).ranked(text, lambda _: rows)
    return tuple(
        passages[int(name)].model_copy(update={"score": round(p, 4)})
        for name, p in found
        if name != OUT
    )


async def _of_asked(collection: Collection) -> Model:
    """The classifier of these documents: its topics are the numbers of the passages."""
    if collection not in _asked:
        numbered = list(enumerate(_readable(*collection)))
        known = [(q, str(n)) for n, p in numbered for q in (p.section, *p.asked)]
        others = [text for text, topic in training() if topic == OUT and _spoken(text, collection)]
        others += [to_classify(text) for text in unanswered(collection[0])]
        texts = [*(to_classify(q) for q, _ in known), *others]
        rows = await shared_vectors(texts) if is_available() else None
        topics = [*(number for _, number in known), *(OUT for _ in others)]
        _asked[collection] = fit(texts, topics, rows, RARE)
    return _asked[collection]


def unanswered(language: Language) -> list[str]:
    """Questions that the documents of this language name as not answered."""
    return not_answered(_folder(language))


def _spoken(text: str, collection: Collection) -> bool:
    return language_of(text) == collection[0]


def readable(language: Language, audience: str = CUSTOMERS) -> Passages:
    """The passages that this audience may read; no index holds any other passage."""
    return _readable(language, audience, _state(language))


def stale(language: Language, day: str) -> list[AskedPassage]:
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
        passages = _readable(*collection)
        texts = [text_of(passage) for passage in passages]
        rows = await shared_vectors(texts, "passage") if is_available() else None
        texts = [words_of(passage) for passage in passages]
        if collection not in _indexes:  # another task may have been quicker
            _indexes[collection] = Index(texts, rows)
    return _indexes[collection]
