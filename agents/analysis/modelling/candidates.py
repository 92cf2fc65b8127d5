"""The candidates: a baseline that knows only the calendar, a linear model, and boosted trees."""

from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from agents.analysis.modelling.features import CALENDAR
from agents.runtime import PermanentError

BASELINE = "baseline"
NAMES = (BASELINE, "linear", "trees")
MAX_CATEGORIES = 200
_text = make_column_selector(dtype_include=["string", "object", "str"])
_calendar = make_column_selector(pattern=rf"^(?:{'|'.join(CALENDAR)})$")
_number = make_column_selector(pattern=rf"^(?!(?:{'|'.join(CALENDAR)})$)", dtype_include=np.number)


Task = Literal["regression", "classification"]


def task_of(kind: str) -> Task:
    """What is to be learnt of a target of this type."""
    return "classification" if kind == "boolean" else "regression"


def estimator(name: str, seed: int, task: Task = "regression") -> Pipeline:
    """An untrained estimator. Raises KeyError for a name that is not one of NAMES."""
    return {BASELINE: _baseline, "linear": _linear, "trees": _trees}[name](seed, task)


def fit(
    name: str, features: pd.DataFrame, outcome: pd.Series, seed: int, task: Task = "regression"
) -> Any:
    """Train an estimator; the same input and seed give the same model."""
    known = outcome.to_numpy()
    if task == "classification":
        known = (known > 0.5).astype(int)
        if known.min() == known.max():
            raise OneOutcome(str(outcome.name), int(known[0]))
    return estimator(name, seed, task).fit(for_sklearn(features), known)


class OneOutcome(PermanentError):
    """A target that is the same in all rows to learn from: there is nothing to distinguish."""

    def __init__(self, target: str, value: int) -> None:
        super().__init__(target, value)
        self.target, self.value = target, value

    def __str__(self) -> str:
        return (
            f"{self.target!r} is {'true' if self.value else 'false'} in all rows to learn from: without rows of both "
            "kinds no model can tell them apart"
        )


def predict(model: Any, features: pd.DataFrame) -> np.ndarray:
    """What the model expects of each row; of a classification, the probability of true."""
    given = for_sklearn(features)
    found: np.ndarray = (
        model.predict_proba(given)[:, 1] if is_classifier(model) else model.predict(given)
    )
    return found


def parameters_of(model: Any) -> dict[str, str]:
    """The parameters of the trained estimator that differ from their defaults."""
    last = model[-1]
    usual = type(last)().get_params()
    return {
        name: str(value)
        for name, value in sorted(last.get_params().items())
        if value != usual[name] and name != "random_state"
    }


def for_sklearn(features: pd.DataFrame) -> pd.DataFrame:
    """The features in the types of scikit-learn: numbers with NaN, categories as objects."""
    categories = features.select_dtypes(exclude="number").columns
    return features.assign(
        **{
            name: features[name].astype("object").where(features[name].notna(), "")
            for name in categories
        }
    )


def _baseline(_seed: int, task: Task) -> Pipeline:
    """The mean outcome of weekday, hour and month, as far as they differ."""
    encode = OneHotEncoder(handle_unknown="ignore")
    columns = make_column_transformer((encode, _calendar), remainder="drop")
    return make_pipeline(columns, _line(task, 1e-6))


def _linear(_seed: int, task: Task) -> Pipeline:
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MAX_CATEGORIES)
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    calendar = OneHotEncoder(handle_unknown="ignore")
    columns = make_column_transformer(
        (categories, _text), (calendar, _calendar), (numbers, _number)
    )
    return make_pipeline(columns, _line(task, 10.0))


def _trees(seed: int, task: Task) -> Pipeline:
    categories = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=MAX_CATEGORIES
    )
    columns = make_column_transformer((categories, _text), remainder="passthrough")
    kind = (
        HistGradientBoostingClassifier
        if task == "classification"
        else HistGradientBoostingRegressor
    )
    boosted = kind(
        max_iter=200, learning_rate=0.08, max_leaf_nodes=31, min_samples_leaf=200, random_state=seed
    )
    return make_pipeline(columns, boosted)


def _line(task: Task, penalty: float) -> Any:
    if task == "classification":
        return LogisticRegression(C=1 / penalty, max_iter=1_000)
    return Ridge(alpha=penalty)
