"""An index of texts that can be searched by words, by meaning, and by both.

Words: BM25 (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009). Meaning: cosine of
vectors. Both: a convex combination of the two, each scaled to its best (Bruch, Gai and Ingber, An
Analysis of Fusion Functions for Hybrid Retrieval, 2023), which uses scores where ranks would lose them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import bm25s
import numpy as np
from numpy.typing import NDArray

from agents.support.knowledge.documents import AskedPassage
from agents.support.models import Passage
from agents.support.understanding.embedding import Vector

Scores = NDArray[np.floating[Any]]
Way = Literal["words", "meaning", "both"]
WORDS = re.compile(r"[a-z0-9]+|[\u4e00-\u9fff]+")
STOP = frozenset(
    {
        *("a", "an", "and", "are", "as", "at", "be", "by"),
        *("can", "do", "does", "for", "from", "how", "i", "if"),
        *("in", "is", "it", "my", "of", "on", "or", "the"),
        *("to", "what", "when", "which", "will", "with", "you", "your"),
    }
)
MEANING = 0.8  # its weight, as Bruch et al. found it for models that were not trained on the texts


@dataclass(frozen=True, slots=True)
class Found:
    """A text's number and its scores by words and by meaning; meaning is 0 where there are no vectors."""

    number: int
    words: float
    meaning: float


@dataclass(frozen=True, slots=True)
class Question:
    """What is searched for: its text, and its vector where there are vectors."""

    text: str
    vector: Vector | None


@dataclass(slots=True)
class Index:
    """Texts that can be searched, and a vector for each of them; None where there are no vectors."""

    texts: Sequence[str]
    rows: Vector | None
    terms: Any = field(init=False)

    def __post_init__(self) -> None:
        self.terms = bm25s.BM25()
        if self.texts:
            self.terms.index([tokens(text) for text in self.texts], show_progress=False)

    def search(self, question: Question, limit: int, way: Way = "both") -> list[Found]:
        """The texts that fit best, the best first."""
        words, meaning = self._by_words(question.text), self._by_meaning(question)
        if way == "words" or self.rows is None or question.vector is None:
            fits = words
        elif way == "meaning":
            fits = meaning
        else:
            fits = MEANING * _scaled(meaning) + (1 - MEANING) * _scaled(words)
        best = np.argsort(-fits, kind="stable")[:limit]
        return [Found(int(n), float(words[n]), float(meaning[n])) for n in best]

    def _by_words(self, question: str) -> Scores:
        known = [word for word in tokens(question) if word in self.terms.vocab_dict]
        if not known:
            return np.zeros(len(self.texts))
        scores: Scores = self.terms.get_scores(known)
        return scores

    def _by_meaning(self, question: Question) -> Scores:
        if self.rows is None or question.vector is None:
            return np.zeros(len(self.texts))
        near: Scores = self.rows @ question.vector
        return near


def _scaled(fits: Scores) -> Scores:
    """The scores scaled from 0 for the worst to 1 for the best."""
    least, most = float(fits.min()), float(fits.max())
    return (fits - least) / (most - least or 1.0)


def tokens(text: str) -> list[str]:
    """English words without their endings, and Chinese text as pairs of characters."""
    found: list[str] = []
    for run in WORDS.findall(text.lower()):
        if run.isascii():
            found += [_stem(run)] if run not in STOP else []
        else:
            found += [run[n : n + 2] for n in range(max(1, len(run) - 1))]
    return found


def _stem(word: str) -> str:
    """A word without its most frequent endings: crude, but the same for text and question."""
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) > 2:
            return word.removesuffix(ending)
    return word


def text_of(passage: Passage) -> str:
    """The text that a passage is found by: its heading and its content."""
    return f"{passage.section} {passage.text}"


def words_of(passage: AskedPassage) -> str:
    """The words that a passage is found by: also those of the questions that it answers."""
    return " ".join((text_of(passage), *passage.asked))
