"""The candidates: a baseline that knows only the calendar, a linear model, and boosted trees."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from agents.analysis.modelling.features import CALENDAR

BASELINE = "baseline"
NAMES = (BASELINE, "linear", "trees")
MAX_CATEGORIES = 200
_text = make_column_selector(dtype_include=["string", "object", "str"])
_calendar = make_column_selector(pattern=rf"^(?:{'|'.join(CALENDAR)})$")
_number = make_column_selector(pattern=rf"^(?!(?:{'|'.join(CALENDAR)})$)", dtype_include=np.number)


def estimator(name: str, seed: int) -> Pipeline:
    """An untrained estimator. Raises KeyError for a name that is not one of NAMES."""
    return {BASELINE: _baseline, "linear": _linear, "trees": _trees}[name](seed)


def fit(name: str, features: pd.DataFrame, outcome: pd.Series, seed: int) -> Any:
    """Train an estimator; the same input and seed give the same model."""
    return estimator(name, seed).fit(for_sklearn(features), outcome.to_numpy())


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


def _baseline(_seed: int) -> Pipeline:
    """The mean outcome of weekday, hour and month, as far as they differ."""
    encode = OneHotEncoder(handle_unknown="ignore")
    columns = make_column_transformer((encode, _calendar), remainder="drop")
    return make_pipeline(columns, Ridge(alpha=1e-6))


def _linear(_seed: int) -> Pipeline:
    categories = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MAX_CATEGORIES)
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    calendar = OneHotEncoder(handle_unknown="ignore")
    columns = make_column_transformer(
        (categories, _text), (calendar, _calendar), (numbers, _number)
    )
    return make_pipeline(columns, Ridge(alpha=10.0))


def _trees(seed: int) -> Pipeline:
    categories = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=MAX_CATEGORIES
    )
    columns = make_column_transformer((categories, _text), remainder="passthrough")
    boosted = HistGradientBoostingRegressor(
        max_iter=200, learning_rate=0.08, max_leaf_nodes=31, min_samples_leaf=200, random_state=seed
    )
    return make_pipeline(columns, boosted)
