"""The sentences of a report agree with its table."""

import numpy as np
import pandas as pd

from agents.analysis.modelling.models import ModelCard
from agents.analysis.reporting.meaning import meaning
from agents.runtime.model_registry import Interval

TRUTH = np.arange(100.0)


def card(candidate: str, mse: float, gain: float = 1.0) -> ModelCard:
    def one(value: float) -> Interval:
        return Interval(value=value, low=value - 0.5, high=value + 0.5)

    return ModelCard(
        version=candidate, study="x", candidate=candidate, target="load", data="d", code="c", seed=1,
        learnt=1, judged=1, since="", until="", mae=one(2.0), mse=one(mse), gain=one(gain),
        chosen_by=1.0, unit="MW",
    )  # fmt: skip


def told(best: ModelCard, *others: ModelCard, by: float = 0.0) -> str:
    predictions = pd.DataFrame({"truth": TRUTH, "predicted": TRUTH + by})
    return " ".join(meaning(best, [best, *others], predictions))


def test_errors_have_units_and_a_measure() -> None:
    text = told(card("trees", 4))
    assert "off by 2 MW on average; always saying the median would be off by 25 MW" in text
    assert "about as often too high as too low" in text
    assert "In judging" not in text


def test_bias_has_a_side_and_an_amount() -> None:
    assert "too high by 1.5 MW" in told(card("trees", 4), by=1.5)
    assert "too low by 1.5 MW" in told(card("trees", 4), by=-1.5)


def test_another_one_that_is_better_in_the_test_is_named_and_not_chosen() -> None:
    text = told(card("trees", 4), card("linear", 3), card("baseline", 3.5))
    assert "In judging, linear has a smaller error than trees. The choice stays" in text


def test_a_model_that_is_not_better_than_the_baseline_is_not_praised() -> None:
    assert "not certainly better than the baseline" in told(card("trees", 4, gain=0.2))


def test_a_probability_has_its_own_sentences() -> None:
    ranks = Interval(value=0.87, low=0.8, high=0.9)
    found = {"task": "classification", "auc": ranks, "target": "late"}
    text = told(card("trees", 4).model_copy(update=found), by=1.0)
    assert "in which late is true and one in which it is not" in text
    assert "in 87% of the cases; a coin would in 50%" in text
    assert "It expects late in" in text
