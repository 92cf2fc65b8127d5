"""Find the numbers of the classifier for each language by cross-validation over its examples, and print them.

    uv run python -m agents.support.evaluation.calibration

The shift is where one in twenty-five of the examples of what a shop does would be taken for out of scope. The
temperature makes the probabilities of examples that the model has not seen fit how often they are right.
`CONFIDENT` of `wishes.py` is the probability from which on more than half are right.
Neither the gold set nor the files of others are looked at.
"""

import sys
from collections.abc import Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import StratifiedKFold

from agents.support.evaluation.measures import calibration_error
from agents.support.models import Language
from agents.support.understanding.classify import (
    INTENTS,
    INTENTS_BY_WORDS,
    Calibrated,
    Model,
    fit,
    intent_of,
    language_of,
)
from agents.support.understanding.embedding import Vector
from agents.support.understanding.examples import OUT, training
from agents.support.understanding.vectors import known_vectors
from agents.support.understanding.wishes import ASIDE

FOLDS, SEED = 5, 1
TAKEN_FOR_OUT = 0.04
STEPS = np.arange(0.2, 0.96, 0.01)
TEMPERATURES = np.arange(0.3, 2.01, 0.05)


def unseen_odds(
    meaning: Vector | None, calibrated: Calibrated
) -> tuple[list[str], NDArray[np.float64]]:
    """The log-odds of each example by a model that has not seen it; the names of the columns come first."""
    texts, topics = map(list, zip(*training(), strict=True))
    odds, names = np.zeros((0, 0)), list[str]()
    for seen, unseen in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(
        texts, topics
    ):
        part = None if meaning is None else meaning[seen]
        fitted = fit(
            [texts[n] for n in seen], [topics[n] for n in seen], part, calibrated=calibrated
        )
        names, found = list(fitted.names), _odds(fitted, texts, unseen, meaning)
        odds = odds if odds.size else np.zeros((len(texts), len(names)))
        odds[unseen] = found
    return names, odds


def _odds(
    fitted: Model, texts: Sequence[str], unseen: NDArray[np.intp], meaning: Vector | None
) -> NDArray[np.float64]:
    rows = {} if meaning is None else {texts[n]: meaning[n] for n in unseen}
    odds, _ = fitted.log_odds(
        [texts[n] for n in unseen], lambda some: np.stack([rows[t] for t in some])
    )
    return odds


def main() -> None:
    """Print the numbers of each language, with vectors and without."""
    texts, topics = zip(*training(), strict=True)
    right = np.array([intent_of(topic) for topic in topics])
    spoken = np.array([language_of(text) for text in texts])
    ways = (
        ("INTENTS", INTENTS, known_vectors(texts)),
        ("INTENTS_BY_WORDS", INTENTS_BY_WORDS, None),
    )
    for name, calibrated, meaning in ways:
        names, odds = unseen_odds(meaning, calibrated)
        for language in get_args(Language):
            mine = spoken == language
            found = _numbers(names, odds[mine], right[mine], calibrated[language].shift)
            sys.stdout.write(f"{name} {language}: {found}\n")


def _numbers(
    names: list[str], odds: NDArray[np.float64], right: NDArray[np.str_], now: float
) -> str:
    """The numbers of a language and what they are worth, as a line."""
    out, served = names.index(OUT), right != OUT
    excess = odds[:, out] - np.delete(odds, out, axis=1).max(axis=1)
    more = float(np.quantile(excess[served], 1 - TAKEN_FOR_OUT))
    odds[:, out] -= more
    found = np.array(names)[odds.argmax(axis=1)]
    correct = found == right
    temperature = _temperature(odds, names, right)
    sure = _chances(odds, temperature).max(axis=1)
    error = calibration_error(sure.tolist(), correct.tolist())
    wish = served & ~np.isin(found, list(ASIDE))
    return (
        f"Calibration({now - more:.2f}, {temperature:.2f}), CONFIDENT"
        f" {sure_from(sure[wish], correct[wish]):.2f}: right {correct[served].mean():.3f} of what a shop does,"
        f" {correct[~served].mean():.3f} of what is out of scope; calibration error {error:.3f}"
    )


def sure_from(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> float:
    """The least confidence from which on more than half are right, which grows with it (isotonic)."""
    grows = IsotonicRegression(out_of_bounds="clip").fit(confidence, correct)
    return float(next(t for t in STEPS if grows.predict([t])[0] > 0.5))


def _temperature(odds: NDArray[np.float64], names: Sequence[str], right: NDArray[np.str_]) -> float:
    """The temperature with the least logarithmic loss."""
    columns = np.array([names.index(name) for name in right])
    losses = [
        -np.log(_chances(odds, t)[np.arange(len(columns)), columns] + 1e-12).mean()
        for t in TEMPERATURES
    ]
    return float(TEMPERATURES[int(np.argmin(losses))])


def _chances(odds: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    scaled = np.exp((odds - odds.max(axis=1, keepdims=True)) / temperature)
    shares: NDArray[np.float64] = scaled / scaled.sum(axis=1, keepdims=True)
    return shares


if __name__ == "__main__":
    main()
