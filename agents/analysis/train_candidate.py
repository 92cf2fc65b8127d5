"""Train: fit one candidate on the earlier rows and test it on the latest, in a separate process."""

import hashlib
import inspect
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.inspection import permutation_importance
from threadpoolctl import threadpool_limits

from agents.analysis.modelling import candidates, earlier, features, metrics, suspicion
from agents.analysis.modelling.candidates import (
    BASELINE,
    Task,
    fit,
    for_sklearn,
    parameters_of,
    predict,
    task_of,
)
from agents.analysis.modelling.features import (
    Samples,
    Split,
    complete,
    known_before,
    samples,
    split,
)
from agents.analysis.modelling.metrics import absolute, accuracy, auc, interval, squared
from agents.analysis.modelling.models import ModelCard, Trained, Training
from agents.analysis.modelling.registry import MODEL, Models, dump
from agents.analysis.scenario import TRAINING_NEEDS
from agents.analysis.study_store import StudyStore
from agents.runtime import CPU, agent
from agents.runtime.files import write_whole
from agents.runtime.model_registry import CARD

HEAVY = replace(CPU, name="heavy", timeout=900, memory=6 * 1024**3)
PREDICTIONS, REFERENCE = "predictions.parquet", "reference.parquet"
REFERENCE_TIMES = "reference-rows.parquet"  # time and group of the rows of the reference
REFERENCE_ROWS = 20_000
IMPORTANCE_ROWS = 5_000


@agent(HEAVY, takes=TRAINING_NEEDS)
def train_candidate(training: Training) -> Trained:
    """Train and test one candidate, unless the same model is there already.

    Raises TooFewRows, and DataReplaced if the files to train on are gone or changed.
    """
    models, version = Models(StudyStore(training.study.name).folder), version_of(training)
    if not models.has(version):
        # One thread: another order of summation would give another model.
        with threadpool_limits(1):
            _train(training, models.path(version))
    return Trained(version=version, candidate=training.candidate)


def key_of(training: Training) -> str:
    """The candidate's key in the journal, which changes with data, seed and code."""
    return f"{training.study.name}/{training.candidate}@{version_of(training)[:16]}"


def version_of(training: Training) -> str:
    """The digest of everything that the model depends on."""
    text = training.model_dump_json() + code_digest()
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def code_digest() -> str:
    """The digest of the source code that makes features and models."""
    modules = (features, earlier, candidates, metrics, suspicion)
    return hashlib.sha256("".join(map(inspect.getsource, modules)).encode()).hexdigest()


def split_of(training: Training) -> Split:
    """The rows for training, validation and test. Raises TooFewRows and DataReplaced."""
    files = StudyStore(training.study.name).part_files(training.parts)
    contract = training.study.sources[0].contract
    rows, left_out = complete(samples(training.study, files), contract.columns[contract.time].zone)
    return replace(split(rows, training.study.test_share), left_out=left_out)


def _train(training: Training, folder: Path) -> None:
    parts = split_of(training)
    contract = training.study.sources[0].contract
    task = task_of(contract.columns[training.study.target].type)
    chosen_by = _error(training, task, parts.train, parts.validation)
    known = _together(parts.train, parts.validation)
    model = fit(training.candidate, known.features, known.outcome, training.seed, task)
    baseline = fit(BASELINE, known.features, known.outcome, training.seed, task)
    predicted = {
        "model": predict(model, parts.test.features),
        "baseline": predict(baseline, parts.test.features),
    }
    card = _card(training, parts.test, len(known.outcome), chosen_by, predicted)
    ranked = auc(parts.test.outcome.to_numpy(), predicted["model"], parts.test.time, training.seed)
    more = {
        "task": task,
        "auc": ranked if task == "classification" else None,
        "left_out": parts.left_out,
        "importance": _importance(model, parts.test, training),
        "parameters": parameters_of(model),
        "unit": contract.columns[training.study.target].unit,
        "chosen_on": len(parts.validation.outcome),
        "chosen_since": str(parts.validation.time.min()),
        "doubt": suspicion.suspicion(parts.train, parts.validation, known_before(contract)),
    }
    card = card.model_copy(update=more)
    folder.mkdir(parents=True, exist_ok=True)
    dump(model, folder / MODEL)
    predictions = {
        "time": parts.test.time,
        "truth": parts.test.outcome.to_numpy(),
        "predicted": predicted["model"],
        "baseline": predicted["baseline"],
        "group": parts.test.group,
    }
    pd.DataFrame(predictions).to_parquet(folder / PREDICTIONS, index=False)
    some = known.features.sample(
        min(REFERENCE_ROWS, len(known.features)), random_state=training.seed
    )
    some.to_parquet(folder / REFERENCE, index=False)
    rows = {"time": known.time[some.index], "group": known.group[some.index]}
    pd.DataFrame(rows).to_parquet(folder / REFERENCE_TIMES, index=False)
    write_whole(folder / CARD, card)  # last: a model with a card is complete


def _error(training: Training, task: Task, train: Samples, validation: Samples) -> float:
    model = fit(training.candidate, train.features, train.outcome, training.seed, task)
    predicted = predict(model, validation.features)
    return float(squared(validation.outcome.to_numpy(), predicted).mean())


def _card(
    training: Training,
    test: Samples,
    rows: int,
    chosen_by: float,
    predicted: Mapping[str, np.ndarray],
) -> ModelCard:
    truth, time, seed = test.outcome.to_numpy(), test.time, training.seed
    errors = squared(truth, predicted["model"])
    rmse, r2 = accuracy(truth, predicted["model"], time, seed)
    return ModelCard(
        version=version_of(training),
        study=training.study.name,
        candidate=training.candidate,
        target=training.study.target,
        data=training.data,
        code=code_digest(),
        seed=seed,
        learnt=rows,
        judged=len(truth),
        since=str(time.min()),
        until=str(time.max()),
        mae=interval(absolute(truth, predicted["model"]), time, seed),
        mse=interval(errors, time, seed),
        gain=interval(squared(truth, predicted["baseline"]) - errors, time, seed),
        chosen_by=chosen_by,
        rmse=rmse,
        r2=r2,
    )


def _importance(model: object, test: Samples, training: Training) -> dict[str, float]:
    """How much the squared error grows when the values of a feature are shuffled."""
    if training.candidate == BASELINE:
        return {}
    some = test.features.sample(
        min(IMPORTANCE_ROWS, len(test.features)), random_state=training.seed
    )
    found = permutation_importance(
        model, for_sklearn(some), test.outcome[some.index], scoring=_scored,
        n_repeats=3, random_state=training.seed,
    )  # fmt: skip
    by_name = dict(zip(some.columns, found.importances_mean, strict=True))
    return {name: round(float(v), 6) for name, v in sorted(by_name.items(), key=lambda x: -x[1])}


def _scored(model: object, features: pd.DataFrame, outcome: pd.Series) -> float:
    """Less is worse, as scikit-learn wants it."""
    return -float(squared(outcome.to_numpy(), predict(model, features)).mean())


def _together(first: Samples, second: Samples) -> Samples:
    return Samples(
        pd.concat([first.features, second.features], ignore_index=True),
        pd.concat([first.outcome, second.outcome], ignore_index=True),
        pd.concat([first.time, second.time], ignore_index=True),
        pd.concat([first.group, second.group], ignore_index=True),
    )
