"""Find the numbers of the classifier by cross-validation over its examples, and print them.

    uv run python -m agents.support.evaluation.calibration

`SHIFT` is where one in twenty of the examples of what a shop does would be taken for out of scope. The
temperature makes the probabilities of examples that the model has not seen fit how often they are right.
`CONFIDENT` of `wishes.py` is at least the probability from which on more than half are right, in each language.
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
    SHIFT,
    SHIFT_BY_WORDS,
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
TAKEN_FOR_OUT = 0.05
STEPS = np.arange(0.2, 0.96, 0.01)
TEMPERATURES = np.arange(0.3, 2.01, 0.05)


def unseen_odds(meaning: Vector | None) -> tuple[list[str], NDArray[np.float64]]:
    """The log-odds of each example by a model that has not seen it; the names of the columns come first."""
    texts, topics = map(list, zip(*training(), strict=True))
    odds, names = np.zeros((0, 0)), list[str]()
    for seen, unseen in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(
        texts, topics
    ):
        part = None if meaning is None else meaning[seen]
        fitted = fit([texts[n] for n in seen], [topics[n] for n in seen], part)
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
    """Print the shift and the temperature, with vectors and without."""
    texts, topics = zip(*training(), strict=True)
    right = np.array([intent_of(topic) for topic in topics])
    _calibrate("SHIFT", SHIFT, known_vectors(texts), right)
    _calibrate("SHIFT_BY_WORDS", SHIFT_BY_WORDS, None, right)


def _calibrate(name: str, now: float, meaning: Vector | None, right: NDArray[np.str_]) -> None:
    names, odds = unseen_odds(meaning)
    out, served = names.index(OUT), right != OUT
    excess = odds[:, out] - np.delete(odds, out, axis=1).max(axis=1)
    more = float(np.quantile(excess[served], 1 - TAKEN_FOR_OUT))
    odds[:, out] -= more
    correct = np.array(names)[odds.argmax(axis=1)] == right
    temperature = _temperature(odds, names, right)
    error = calibration_error(_chances(odds, temperature).max(axis=1).tolist(), correct.tolist())
    texts, _ = zip(*training(), strict=True)
    wish = served & ~np.isin(np.array(names)[odds.argmax(axis=1)], list(ASIDE))
    for language in get_args(Language):
        spoken = wish & (np.array([language_of(text) for text in texts]) == language)
        least = sure_from(_chances(odds, temperature).max(axis=1)[spoken], correct[spoken])
        sys.stdout.write(f"CONFIDENT {language} {least:.2f}\n")
    sys.stdout.write(
        f"{name} {now - more:.2f}, TEMPERATURE {temperature:.2f}: right {correct[served].mean():.3f} of what a"
        f" shop does, {correct[~served].mean():.3f} of what is out of scope; calibration error {error:.3f}\n"
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
