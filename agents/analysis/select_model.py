"""Weigh: the best candidate meets the champion on rows that neither has seen, and drift is looked for."""

import pandas as pd
from threadpoolctl import threadpool_limits

from agents.analysis.modelling.candidates import plain
from agents.analysis.modelling.drift import drifts
from agents.analysis.modelling.features import Samples
from agents.analysis.modelling.metrics import Interval, interval, squared
from agents.analysis.modelling.registry import MODEL, Card, Models, load
from agents.analysis.modelling.selection import Comparison, Weighed
from agents.analysis.study_store import StudyStore
from agents.analysis.train_candidate import CARD, HEAVY, PREDICTIONS, REFERENCE, learnt_from
from agents.runtime.execution.decorator import agent


@agent(HEAVY)
def select_model(comparison: Comparison) -> Weighed:
    """Choose, compare, and let the gate decide; done twice it comes to the same."""
    models = Models(StudyStore(comparison.training.study.name).folder)
    cards = [_card(models, one.version) for one in comparison.candidates]
    best = min(cards, key=lambda card: (card.chosen_by, card.candidate))
    judged = learnt_from(comparison.training).judge
    with threadpool_limits(1):
        against = _against(models, best, comparison, judged)
    reference = models.path(comparison.champion or best.version) / REFERENCE
    moved = drifts(pd.read_parquet(reference), judged.features)
    change = models.challenge(best, against)
    return Weighed(best=best.version, change=change, against=against, drifts=tuple(moved))


def _against(
    models: Models, best: Card, comparison: Comparison, judged: Samples
) -> Interval | None:
    """By how much the best is better than the champion; None without another champion."""
    if comparison.champion in {"", best.version}:
        return None
    champion = load(models.path(comparison.champion) / MODEL)
    truth = judged.outcome.to_numpy()
    theirs = squared(truth, champion.predict(plain(judged.features)))
    ours = pd.read_parquet(models.path(best.version) / PREDICTIONS)["predicted"].to_numpy()
    return interval(theirs - squared(truth, ours), judged.time, best.seed)


def _card(models: Models, version: str) -> Card:
    return Card.model_validate_json((models.path(version) / CARD).read_bytes())
