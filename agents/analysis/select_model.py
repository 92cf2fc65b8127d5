"""Weigh: the best candidate meets the champion on rows that neither has seen, and drift is looked for."""

import pandas as pd
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from agents.analysis.modelling.candidates import plain
from agents.analysis.modelling.drift import drifts
from agents.analysis.modelling.features import Samples
from agents.analysis.modelling.metrics import interval, squared
from agents.analysis.modelling.models import Card, Comparison, Interval, Weighed
from agents.analysis.modelling.registry import MODEL, Models, load
from agents.analysis.study_store import StudyStore
from agents.analysis.train_candidate import HEAVY, PREDICTIONS, REFERENCE, learnt_from
from agents.runtime.execution.decorator import agent


@agent(HEAVY)
def select_model(comparison: Comparison) -> Weighed:
    """Choose, compare, and let the gate decide; done twice it comes to the same.

    Raises DataReplaced if other data is published by now: no model of old data becomes champion.
    """
    store = StudyStore(comparison.training.study.name)
    store.require_published(comparison.training.data)
    models = Models(store.folder)
    cards = [models.card(one.version) for one in comparison.candidates]
    best = min(cards, key=lambda card: (card.chosen_by, card.candidate))
    judged = learnt_from(comparison.training).judge
    champion = _champion(models, best, comparison)
    usable = bool(champion) and _can_predict(models, champion, judged)
    against = _against(models, best, champion, judged) if usable else None
    reference = models.path(champion if usable else best.version) / REFERENCE
    moved = drifts(pd.read_parquet(reference), judged.features)
    change = models.challenge(best, champion, against)
    return Weighed(best=best.version, change=change, against=against, drifts=tuple(moved))


def _champion(models: Models, best: Card, comparison: Comparison) -> str:
    """The champion of now; of before, if a call that was killed has made the best one champion."""
    champion = models.read().champion
    return comparison.champion if champion == best.version else champion


def _can_predict(models: Models, champion: str, judged: Samples) -> bool:
    """Whether the champion is there, and the data still has every column that it was trained on."""
    reference = models.path(champion) / REFERENCE
    return reference.exists() and set(pq.read_schema(reference).names) <= set(judged.features)


def _against(models: Models, best: Card, champion: str, judged: Samples) -> Interval:
    """By how much the best is better than the champion."""
    truth = judged.outcome.to_numpy()
    with threadpool_limits(1):
        theirs = load(models.path(champion) / MODEL).predict(plain(judged.features))
    ours = pd.read_parquet(models.path(best.version) / PREDICTIONS)["predicted"].to_numpy()
    return interval(squared(truth, theirs) - squared(truth, ours), judged.time, best.seed)
