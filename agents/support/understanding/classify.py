"""The intents of a message: a linear model over the vector of its meaning and over pieces of its words.

The vector is the same for both languages; without vectors the model uses the pieces of words alone.
The nearest example of an intent counts beside the model: of sentences that strangers wrote, it alone found more
than the model alone. Out of scope is one of the intents. On subjects that no example has, its own examples from
many subjects helped more than the distance to the nearest examples of what a shop does (Sun et al., Out-of-
Distribution Detection with Deep Nearest Neighbors, 2022): 0.96 were found with the first, 0.93 with both, where
3 of 100 sentences for a shop were taken for others. Probabilities are calibrated by one temperature (Guo et al.,
On Calibration of Modern Neural Networks, 2017), for each language. `agents/support/evaluation/calibration.py` finds
the numbers, from the examples alone.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from agents.shop.catalogue import catalogue
from agents.support.models import Intent, IntentName, Language, TaskName, Understood
from agents.support.understanding.consent import verdict
from agents.support.understanding.embedding import Vector, is_available, one_thread, vectors
from agents.support.understanding.examples import OUT, training
from agents.support.understanding.names import names_goods
from agents.support.understanding.roles import clauses
from agents.support.understanding.slots import ACCOUNT, HAN, slots, to_classify
from agents.support.understanding.spelling import corrected
from agents.support.understanding.vectors import known_vectors
from agents.support.understanding.wishes import (
    ASIDE,
    asked,
    has_words,
    parts_in_question,
    wish_beside,
    wishes,
    with_question,
)

Embed = Callable[[Sequence[str]], Vector]
Scores = NDArray[np.float64]
WEIGHT, C = 4.0, 3.0  # of the vectors beside the pieces of words; of the linear model
ALIKE = 8.0  # how much the nearest example of an intent counts
TINY = 1e-9
PART = 0.65  # how much what a message asks for counts, and the rest the whole message
LIKELY, MOST = 0.15, 3
ADDRESSES = {"modify_order_address", "modify_customer_address"}
ACTS = {"repeat", "bot", "goodbye"}  # what only a message of one clause is
QUESTION_MARK = re.compile("[?？吗呢]")
FACTS_OF = {"order_status", "order_contents", "refund_status"}  # what has facts as topics
ANGRY = "complaint/anger"  # the topic of what angry customers write
ANGER = 0.45  # the least probability of a complaint that brings a person at once


class Calibration(NamedTuple):
    """What is added to the log-odds of out of scope, and the temperature of the probabilities."""

    shift: float
    temperature: float


Calibrated = Mapping[Language, Calibration]
INTENTS: Calibrated = {"en": Calibration(0.97, 0.90), "zh": Calibration(0.83, 0.85)}
INTENTS_BY_WORDS: Calibrated = {"en": Calibration(0.64, 0.45), "zh": Calibration(0.67, 0.35)}
# For both languages together; the limits for passages were found with it.
TOGETHER: Calibrated = {"en": Calibration(0.82, 0.90), "zh": Calibration(0.82, 0.90)}


def understand(text: str, embed: Embed = vectors) -> Understood:
    """The intents of a message, the most probable first, further wishes, names, and whether it is angry.

    `embed` gives the vectors of the texts that `embedded_texts` names.
    """
    text = readable(text)
    wordless = not has_words(text)
    wish, whole = to_classify(asked(text)), to_classify(text)
    ranked, topic = ([], "") if wordless else model().ranked(wish, embed, whole)
    likely = _likely(ranked, text)
    topics = list[str]()

    def classify(part: str) -> Intent:
        (name, confidence), about = _first(model().ranked(to_classify(part), embed))
        topics.append(about)
        return _of_order(Intent(name=name, confidence=confidence), part)

    if (plain := verdict(text, "order_status", "")) != "neither":
        likely = [Intent(name="affirm" if plain == "yes" else "deny", confidence=1.0)]
    named, impossible = slots(text), set[str]()
    if named.address is not None and any(one.name in ADDRESSES for one in likely):
        # "Ship it to ... instead"; who tells an address and asks nothing wants no order read.
        impossible = {"modify_items"} | (set() if QUESTION_MARK.search(text) else FACTS_OF)
        likely = [one for one in likely if one.name not in impossible]
    if likely and likely[0].name == "product" and not names_goods(text, catalogue().values()):
        likely = [Intent(name=OUT, confidence=likely[0].confidence)]
    wanted = wish_beside(text, classify) if likely else None
    if wanted and wanted.name not in impossible and _is_clearer(wanted, likely[0], text):
        likely = [wanted, *(one for one in likely if one.name != wanted.name)]
    several = wishes(text, classify) if likely else ()
    if not several and likely and named.orders and named.address is None:
        several = with_question(text, classify)
    if named.address is not None:
        several = tuple(
            w for w in several if w.name not in FACTS_OF or QUESTION_MARK.search(w.text)
        )
        several = several if len(several) > 1 else ()
    several = tuple(
        one.model_copy(update={"topics": _facts_of(one.name, topic, topics)}) for one in several
    )
    return Understood(
        language=language_of(text),
        wordless=wordless,
        intents=tuple(likely) or (Intent(name="out_of_scope", confidence=0.0),),
        wishes=several,
        slots=named,
        angry=topic == ANGRY and likely[0].confidence >= ANGER,
        topics=_facts_of(likely[0].name, topic, topics) if likely else (),
    )


def _is_clearer(wanted: Intent, best: Intent, text: str) -> bool:
    """Whether the clearest wish of the parts counts more than what the message as a whole is taken for."""
    if best.name in ASIDE:
        return True
    is_task = wanted.name in get_args(TaskName)
    return is_task and asked(text) != text and wanted.confidence > best.confidence


def _facts_of(name: IntentName, whole: str, parts: Sequence[str]) -> tuple[str, ...]:
    """The facts of this intent that the parts of a text ask for, or else the whole; none if it asks for all."""
    mine = [topic for topic in dict.fromkeys(parts) if intent_of(topic) == name]
    if not mine or not all("/" in topic for topic in mine):
        mine = [whole] if intent_of(whole) == name else []
    return tuple(mine) if name in FACTS_OF and all("/" in topic for topic in mine) else ()


def _first(
    found: tuple[list[tuple[IntentName, float]], str],
) -> tuple[tuple[IntentName, float], str]:
    return found[0][0], found[1]


def _likely(ranked: Sequence[tuple[IntentName, float]], text: str) -> list[Intent]:
    """The intents that are probable enough, the most probable first, each once."""
    if len(clauses(text)) > 1:  # "say that again" is a message of its own
        ranked = [(name, p) for name, p in ranked if name not in ACTS]
    some = [_of_order(Intent(name=n, confidence=p), text) for n, p in ranked[:MOST] if p >= LIKELY]
    sums = dict.fromkeys((one.name for one in some), 0.0)
    for one in some:
        sums[one.name] += one.confidence
    best = sorted(sums.items(), key=lambda found: -found[1])
    return [Intent(name=name, confidence=round(p, 4)) for name, p in best]


def _of_order(found: Intent, text: str) -> Intent:
    """An address beside the number of an order is the order's, unless the account is named."""
    if found.name != "modify_customer_address" or ACCOUNT.search(text) or not slots(text).orders:
        return found
    return found.model_copy(update={"name": "modify_order_address"})


def embedded_texts(text: str) -> list[str]:
    """The texts whose vectors it takes to understand a message: what it asks for, and its parts."""
    text = readable(text)
    if not has_words(text):
        return []
    return [to_classify(one) for one in (asked(text), text, *parts_in_question(text))]


def readable(text: str) -> str:
    """The text as a person reads it: without look-alike letters, invisible characters and slips in names."""
    folded = unicodedata.normalize("NFKC", text)
    visible = "".join(
        " " if unicodedata.category(c)[0] in "CZ" else c
        for c in folded
        if unicodedata.category(c) != "Cf"
    )
    return corrected(visible)


def language_of(text: str) -> Language:
    """Chinese if the text has any Chinese character, otherwise English."""
    return "zh" if HAN.search(text) else "en"


@dataclass(frozen=True, slots=True)
class Examples:
    """The vectors of examples around their `middle`, of length 1, and the intent of each."""

    middle: Vector
    rows: Vector
    intents: NDArray[np.str_]

    @staticmethod
    def of(meaning: Vector, topics: Sequence[str]) -> "Examples":
        """The examples with these vectors."""
        middle = meaning.mean(axis=0)
        names = np.array([intent_of(topic) for topic in topics])
        return Examples(middle, _of_length_1(meaning - middle), names)

    def near(self, rows: Vector) -> Scores:
        """For each vector how like each example it is, from -1 to 1."""
        near: Scores = (_of_length_1(rows - self.middle) @ self.rows.T).astype(np.float64)
        return near

    def alike(self, near: Scores, names: Sequence[str]) -> Scores:
        """For each vector how like the nearest example of each intent it is, from -1 to 1."""
        return np.stack([near[:, self.intents == name].max(axis=1) for name in names], axis=1)


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted classifier; `examples` is None without vectors."""

    pieces: TfidfVectorizer
    linear: LogisticRegression
    examples: Examples | None
    calibrated: Calibrated

    def ranked(
        self, text: str, embed: Embed = vectors, whole: str = ""
    ) -> tuple[list[tuple[IntentName, float]], str]:
        """Every intent with its probability, the most probable first; and the most probable topic of it.

        The `whole` message counts beside a text that is a part of it: "It is not packed yet. Make it the red one".
        """
        texts = [text, whole] if whole not in ("", text) else [text]
        odds, topics = self.log_odds(texts, embed)
        mean = np.average(odds, axis=0, weights=[PART, 1 - PART][: len(texts)])
        scaled = mean / self.calibrated[language_of(text)].temperature
        shares = np.exp(scaled - scaled.max())
        found = zip(self.names, (shares / shares.sum()).tolist(), strict=True)
        ranked = sorted(found, key=lambda one: -one[1])
        mine = [n for n, t in enumerate(self.linear.classes_) if intent_of(t) == ranked[0][0]]
        return ranked, self.linear.classes_[max(mine, key=lambda n: topics[0][n])]

    @property
    def names(self) -> list[IntentName]:
        """The intents, each once whatever topics it has."""
        return sorted({intent_of(topic) for topic in self.linear.classes_})

    def log_odds(self, texts: Sequence[str], embed: Embed = vectors) -> tuple[Scores, Scores]:
        """For each text a row with a column for each intent of `names`, not yet calibrated.

        And a row with the probability of each topic.
        """
        rows = embed(texts) if self.examples is not None else None
        with one_thread():
            return self._log_odds(texts, rows)

    def _log_odds(self, texts: Sequence[str], rows: Vector | None) -> tuple[Scores, Scores]:
        features = self.pieces.transform(texts)
        if self.examples is not None and rows is not None:
            features = _joined(features, rows - self.examples.middle)
        chances = self.linear.predict_proba(features)
        topics = np.array([intent_of(topic) for topic in self.linear.classes_])
        columns = [chances[:, topics == name].sum(axis=1) for name in self.names]
        odds: Scores = np.log(np.stack(columns, axis=1) + TINY)
        shifts = [self.calibrated[language_of(text)].shift for text in texts]
        odds[:, self.names.index(OUT)] += shifts
        if self.examples is not None and rows is not None:
            odds += ALIKE * self.examples.alike(self.examples.near(rows), self.names)
        return odds, chances


def fit(
    texts: Sequence[str],
    topics: Sequence[str],
    meaning: Vector | None,
    least: int = 1,
    calibrated: Calibrated = TOGETHER,
) -> Model:
    """A model of these examples; without their vectors it uses pieces of words alone.

    Pieces that fewer than `least` texts have are left out.
    """
    pieces = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True, min_df=least
    )
    features = pieces.fit_transform(texts)
    linear = LogisticRegression(C=C, max_iter=2_000, class_weight="balanced")
    examples = None
    if meaning is not None:
        examples = Examples.of(meaning, topics)
        features = _joined(features, meaning - examples.middle)
    with one_thread():
        return Model(pieces, linear.fit(features, topics), examples, calibrated)


def intent_of(topic: str) -> IntentName:
    """The intent of a topic such as "knowledge/fees"."""
    name: IntentName = topic.partition("/")[0]  # type: ignore[assignment]  # checked where examples are read
    return name


def _joined(pieces: Any, meaning: NDArray[np.float32]) -> Any:
    return hstack([pieces, csr_matrix(meaning * WEIGHT)]).tocsr()


def _of_length_1(rows: Vector) -> Vector:
    lengths: Vector = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / lengths


@cache
def model() -> Model:
    """The classifier of the shipped examples, fitted once in a process."""
    texts, topics = zip(*training(), strict=True)
    if not is_available():
        return fit(texts, topics, None, calibrated=INTENTS_BY_WORDS)
    return fit(texts, topics, known_vectors(texts), calibrated=INTENTS)
