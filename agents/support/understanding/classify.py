"""The intents of a message: a linear model over the vector of its meaning and over pieces of its words.

The vector is the same for both languages; without vectors the model uses the pieces of words alone.
Probabilities are calibrated by one temperature (Guo et al., On Calibration of Modern Neural Networks,
2017), found by cross-validation over the examples.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from agents.support.models import Intent, IntentName, Language, Understood
from agents.support.understanding.embedding import Vector, is_available, vectors
from agents.support.understanding.examples import training
from agents.support.understanding.slots import HAN, slots, to_classify
from agents.support.understanding.vectors import known_vectors
from agents.support.understanding.wishes import (
    ASIDE,
    has_words,
    parts_in_question,
    wish_beside,
    wishes,
)

Embed = Callable[[Sequence[str]], Vector]
WEIGHT, C, TEMPERATURE = 5.0, 3.0, 0.6
LIKELY, MOST = 0.15, 3
ANGER = re.compile(
    r"\b(?:terrible|awful|useless|scam|ridiculous|furious|worst|lawyer|unacceptable|fed up|sick of)\b"
    r"|!{3,}|骗子|垃圾|投诉|太差|气死|忍无可忍|什么破",
    re.IGNORECASE,
)


def understand(text: str, embed: Embed = vectors) -> Understood:
    """The intents of a message, the most probable first, further wishes, names, and whether it is angry.

    `embed` gives the vectors of the texts that `embedded_texts` names.
    """
    text = readable(text)
    wordless = not has_words(text)
    ranked = [] if wordless else model().ranked(to_classify(text), embed)
    likely = [Intent(name=n, confidence=round(p, 4)) for n, p in ranked[:MOST] if p >= LIKELY]

    def classify(part: str) -> Intent:
        name, confidence = model().ranked(to_classify(part), embed)[0]
        return Intent(name=name, confidence=confidence)

    if likely and likely[0].name in ASIDE and (wanted := wish_beside(text, classify)):
        likely = [wanted, *likely]
    return Understood(
        language=language_of(text),
        wordless=wordless,
        intents=tuple(likely) or (Intent(name="out_of_scope", confidence=0.0),),
        wishes=wishes(text, likely[0], classify) if likely else (),
        slots=slots(text),
        angry=ANGER.search(text) is not None,
    )


def embedded_texts(text: str) -> list[str]:
    """The texts whose vectors it takes to understand a message: the whole message and its parts."""
    text = readable(text)
    return [to_classify(one) for one in (text, *parts_in_question(text))] if has_words(text) else []


def readable(text: str) -> str:
    """The text as a person sees it: look-alike letters are replaced, invisible characters removed."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(
        " " if unicodedata.category(c)[0] in "CZ" else c
        for c in folded
        if unicodedata.category(c) != "Cf"
    )


def language_of(text: str) -> Language:
    """Chinese if the text has any Chinese character, otherwise English."""
    return "zh" if HAN.search(text) else "en"


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted classifier; `middle` is the mean vector of its examples, None without vectors."""

    pieces: TfidfVectorizer
    middle: Vector | None
    linear: LogisticRegression

    def ranked(self, text: str, embed: Embed = vectors) -> list[tuple[IntentName, float]]:
        """Every intent with its probability, the most probable first."""
        scores = self.linear.decision_function(self._features([text], embed))[0] / TEMPERATURE
        odds = np.exp(scores - scores.max())
        found = zip(self.linear.classes_.tolist(), (odds / odds.sum()).tolist(), strict=True)
        return sorted(found, key=lambda one: -one[1])

    def _features(self, texts: Sequence[str], embed: Embed) -> Any:
        pieces = self.pieces.transform(texts)
        if self.middle is None:
            return pieces
        return _joined(pieces, embed(texts) - self.middle)


def fit(texts: Sequence[str], names: Sequence[str], meaning: Vector | None) -> Model:
    """A model of these examples; without their vectors it uses pieces of words alone."""
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True)
    features = pieces.fit_transform(texts)
    middle = None
    if meaning is not None:
        middle = meaning.mean(axis=0)
        features = _joined(features, meaning - middle)
    linear = LogisticRegression(C=C, max_iter=2_000, class_weight="balanced")
    return Model(pieces, middle, linear.fit(features, names))


def _joined(pieces: Any, meaning: NDArray[np.float32]) -> Any:
    return hstack([pieces, csr_matrix(meaning * WEIGHT)]).tocsr()


@cache
def model() -> Model:
    """The classifier of the shipped examples, fitted once in a process."""
    texts, names = zip(*training(), strict=True)
    return fit(texts, names, known_vectors(texts) if is_available() else None)
