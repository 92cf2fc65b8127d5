"""Select: compare the best candidate with the champion on test rows, and measure the drift."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from agents.analysis.modelling.candidates import predict
from agents.analysis.modelling.drift import Rows, drift_of, has_same_season
from agents.analysis.modelling.features import Samples
from agents.analysis.modelling.metrics import interval, squared
from agents.analysis.modelling.models import Comparison, ModelCard, Selected
from agents.analysis.modelling.registry import MODEL, Models, load
from agents.analysis.study_store import StudyStore
from agents.analysis.train_candidate import (
    HEAVY,
    PREDICTIONS,
    REFERENCE,
    REFERENCE_TIMES,
    split_of,
)
from agents.runtime import agent
from agents.runtime.model_registry import Interval


@agent(HEAVY, version="1.1")
def select_model(comparison: Comparison) -> Selected:
    """Choose the best candidate and decide whether it becomes champion; twice has the effect of once.

    Raises DataReplaced if other data is published by now: a model of replaced data is never promoted.
    """
    store = StudyStore(comparison.training.study.name)
    store.require_published(comparison.training.data)
    models = Models(store.folder)
    cards = [models.card(one.version) for one in comparison.candidates]
    best = min(cards, key=lambda card: (card.chosen_by, card.candidate))
    test = split_of(comparison.training).test
    champion = _champion(models, best, comparison)
    usable = bool(champion) and _can_predict(models, champion, test)
    against = _gain(models, best, champion, test) if usable else None
    reference = _reference(models.path(champion if usable else best.version))
    now = Rows(test.features, test.time, test.group)
    drifts = drift_of(reference, now)
    change = models.challenge(best, champion, against)
    return Selected(
        best=best.version,
        change=change,
        against=against,
        drifts=tuple(drifts),
        same_season=has_same_season(reference, now),
    )


def _reference(folder: Path) -> Rows:
    """The rows that a model has learnt from; a model of an earlier release has no times."""
    features = pd.read_parquet(folder / REFERENCE)
    if not (folder / REFERENCE_TIMES).exists():
        return Rows(features)
    rows = pd.read_parquet(folder / REFERENCE_TIMES)
    return Rows(features, rows["time"], rows["group"])


def _champion(models: Models, best: ModelCard, comparison: Comparison) -> str:
    """The present champion; if a killed call has promoted the best, the champion before that."""
    champion = models.read().champion
    return comparison.champion if champion == best.version else champion


def _can_predict(models: Models, champion: str, test: Samples) -> bool:
    """Whether the champion's files are there, and the data has every column that it needs."""
    reference = models.path(champion) / REFERENCE
    return reference.exists() and set(pq.read_schema(reference).names) <= set(test.features)


def _gain(models: Models, best: ModelCard, champion: str, test: Samples) -> Interval:
    """How much smaller the squared error of the best is than that of the champion."""
    truth = test.outcome.to_numpy()
    with threadpool_limits(1):
        theirs = predict(load(models.path(champion) / MODEL), test.features)
    ours = pd.read_parquet(models.path(best.version) / PREDICTIONS)["predicted"].to_numpy()
    return interval(squared(truth, theirs) - squared(truth, ours), test.time, best.seed)
