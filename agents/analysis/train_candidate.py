"""Model: a candidate learns from the past, and is judged by what came after, in a process of its own."""

import hashlib
import inspect
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.inspection import permutation_importance
from threadpoolctl import threadpool_limits

from agents.analysis.modelling import candidates, features, metrics
from agents.analysis.modelling.candidates import BASELINE, fit, plain
from agents.analysis.modelling.features import Samples, Split, samples, split
from agents.analysis.modelling.metrics import absolute, interval, squared
from agents.analysis.modelling.models import Card, Trained, Training
from agents.analysis.modelling.registry import CARD, MODEL, Models, dump
from agents.analysis.study_store import StudyStore, write_whole
from agents.runtime.execution.decorator import agent
from agents.runtime.model.policies import CPU

HEAVY = replace(CPU, name="heavy", timeout=900, memory=6 * 1024**3)
PREDICTIONS, REFERENCE = "predictions.parquet", "reference.parquet"
REFERENCE_ROWS = 20_000
IMPORTANCE_ROWS = 5_000


@agent(HEAVY)
def train_candidate(training: Training) -> Trained:
    """Learn and judge one candidate; what was learnt before from the same data is not learnt again.

    Raises TooFewRows, and DataReplaced if the data to learn from is gone.
    """
    models, version = Models(StudyStore(training.study.name).folder), version_of(training)
    if not models.has(version):
        # One thread: sums in another order would be other models.
        with threadpool_limits(1):
            _train(training, models.path(version))
    return Trained(version=version, candidate=training.candidate)


def key_of(training: Training) -> str:
    """The candidate's key in the journal: another one for other data, another seed or other code."""
    return f"{training.study.name}/{training.candidate}@{version_of(training)[:16]}"


def version_of(training: Training) -> str:
    """The digest of everything that the model follows from."""
    told = training.model_dump_json() + code_digest()
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def code_digest() -> str:
    """Of the source that makes features and models."""
    modules = (features, candidates, metrics)
    return hashlib.sha256("".join(map(inspect.getsource, modules)).encode()).hexdigest()


def learnt_from(training: Training) -> Split:
    """The rows to learn from, to choose by and to judge by. Raises TooFewRows and DataReplaced."""
    files = StudyStore(training.study.name).part_files(training.parts)
    return split(samples(training.study, files), training.study.test_share)


def _train(training: Training, folder: Path) -> None:
    parts = learnt_from(training)
    chosen_by = _error(training.candidate, parts.learn, parts.choose, training.seed)
    known = _together(parts.learn, parts.choose)
    model = fit(training.candidate, known.features, known.outcome, training.seed)
    baseline = fit(BASELINE, known.features, known.outcome, training.seed)
    truth = parts.judge.outcome.to_numpy()
    predicted = model.predict(plain(parts.judge.features))
    usual = baseline.predict(plain(parts.judge.features))
    card = _card(training, parts, known, chosen_by, {"model": predicted, "baseline": usual})
    card = card.model_copy(update={"importance": _importance(model, parts.judge, training)})
    folder.mkdir(parents=True, exist_ok=True)
    dump(model, folder / MODEL)
    told = {"time": parts.judge.time, "truth": truth, "predicted": predicted, "baseline": usual}
    pd.DataFrame(told).to_parquet(folder / PREDICTIONS, index=False)
    some = known.features.sample(
        min(REFERENCE_ROWS, len(known.features)), random_state=training.seed
    )
    some.to_parquet(folder / REFERENCE, index=False)
    write_whole(folder / CARD, card)  # last: with it, the model is there


def _error(name: str, learn: Samples, judge: Samples, seed: int) -> float:
    model = fit(name, learn.features, learn.outcome, seed)
    errors = squared(judge.outcome.to_numpy(), model.predict(plain(judge.features)))
    return float(errors.mean())


def _card(
    training: Training,
    parts: Split,
    known: Samples,
    chosen_by: float,
    predicted: Mapping[str, np.ndarray],
) -> Card:
    truth, time, seed = parts.judge.outcome.to_numpy(), parts.judge.time, training.seed
    errors = squared(truth, predicted["model"])
    return Card(
        version=version_of(training),
        study=training.study.name,
        candidate=training.candidate,
        target=training.study.target,
        data=training.data,
        code=code_digest(),
        seed=seed,
        learnt=len(known.outcome),
        judged=len(truth),
        since=str(time.min()),
        until=str(time.max()),
        mae=interval(absolute(truth, predicted["model"]), time, seed),
        mse=interval(errors, time, seed),
        gain=interval(squared(truth, predicted["baseline"]) - errors, time, seed),
        chosen_by=chosen_by,
    )


def _importance(model: object, judge: Samples, training: Training) -> dict[str, float]:
    """By how much the squared error grows when a feature's values are shuffled."""
    if training.candidate == BASELINE:
        return {}
    some = judge.features.sample(
        min(IMPORTANCE_ROWS, len(judge.features)), random_state=training.seed
    )
    told = permutation_importance(
        model, plain(some), judge.outcome[some.index], scoring="neg_mean_squared_error",
        n_repeats=3, random_state=training.seed,
    )  # fmt: skip
    by_name = dict(zip(some.columns, told.importances_mean, strict=True))
    return {name: round(float(v), 6) for name, v in sorted(by_name.items(), key=lambda x: -x[1])}


def _together(first: Samples, second: Samples) -> Samples:
    return Samples(
        pd.concat([first.features, second.features], ignore_index=True),
        pd.concat([first.outcome, second.outcome], ignore_index=True),
        pd.concat([first.time, second.time], ignore_index=True),
    )
