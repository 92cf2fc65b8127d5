"""What the figures of a comparison mean, in plain sentences that never contradict the table beside them."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from agents.analysis.modelling.models import ModelCard


def meaning(best: ModelCard, cards: Sequence[ModelCard], predictions: pd.DataFrame) -> list[str]:
    """How far off the chosen model is, to which side, and whether another one was better in the test.

    `predictions` are those of the chosen model on the test rows.
    """
    return [_error(best, predictions), _side(best, predictions), *_others(best, cards)]


def _error(best: ModelCard, predictions: pd.DataFrame) -> str:
    if best.task == "classification" and best.auc is not None:
        return (
            f"Of a row in which {best.target} is true and one in which it is not, {best.candidate} gives the "
            f"true one the higher probability in {best.auc.value:.0%} of the cases; a coin would in 50%."
        )
    usual = float(np.abs(predictions["truth"] - predictions["truth"].median()).mean())
    return (
        f"A forecast of {best.target} by {best.candidate} is off by {_amount(best, best.mae.value)} on average; "
        f"always saying the median would be off by {_amount(best, usual)}."
    )


def _side(best: ModelCard, predictions: pd.DataFrame) -> str:
    bias = float((predictions["predicted"] - predictions["truth"]).mean())
    if best.task == "classification":
        return (
            f"It expects {best.target} in {predictions['predicted'].mean():.1%} of the test rows, and it was "
            f"true in {predictions['truth'].mean():.1%}."
        )
    if abs(bias) < 0.1 * best.mae.value:
        return "It is about as often too high as too low: its mean error is small beside its usual error."
    side = "high" if bias > 0 else "low"
    return f"It is biased: on average its forecasts are too {side} by {_amount(best, abs(bias))}."


def _others(best: ModelCard, cards: Sequence[ModelCard]) -> Iterator[str]:
    better = [card for card in cards if card.mse.value < best.mse.value]
    if better:
        first = min(better, key=lambda card: card.mse.value)
        yield (
            f"In judging, {first.candidate} has a smaller error than {best.candidate}. The choice stays with the "
            "rows for choosing: a model that is chosen by its test is flattered by it. Errors that change "
            "so much from one period to the next are a reason for more data."
        )
    if not best.is_baseline and best.gain.low <= 0:
        yield f"{best.candidate} is not certainly better than the baseline, which knows the calendar alone."


def _amount(best: ModelCard, value: float) -> str:
    return f"{value:,.3g} {best.unit}".strip()
