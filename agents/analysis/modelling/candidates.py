"""What is tried: a baseline that knows the hour only, a linear model, boosted trees."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

BASELINE = "baseline"
NAMES = (BASELINE, "linear", "trees")
MOST_WORDS = 200
_text = make_column_selector(dtype_include=["string", "object", "str"])
_number = make_column_selector(dtype_include=np.number)


def estimator(name: str, seed: int) -> Pipeline:
    """An estimator that has learnt nothing yet. Raises KeyError for a name that is none of NAMES."""
    return {BASELINE: _baseline, "linear": _linear, "trees": _trees}[name](seed)


def fit(name: str, features: pd.DataFrame, outcome: pd.Series, seed: int) -> Any:
    """Learn; the same input and seed make the same model."""
    return estimator(name, seed).fit(plain(features), outcome.to_numpy())


def plain(features: pd.DataFrame) -> pd.DataFrame:
    """The features as scikit-learn takes them: numbers with NaN, words as objects."""
    words = features.select_dtypes(exclude="number").columns
    return features.assign(
        **{
            name: features[name].astype("object").where(features[name].notna(), "")
            for name in words
        }
    )


def _baseline(_seed: int) -> Pipeline:
    """The mean of the same weekday, and nothing else."""
    encode = OneHotEncoder(handle_unknown="ignore")
    columns = make_column_transformer((encode, ["weekday"]), remainder="drop")
    return make_pipeline(columns, Ridge(alpha=1e-6))


def _linear(_seed: int) -> Pipeline:
    words = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MOST_WORDS)
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    columns = make_column_transformer((words, _text), (numbers, _number))
    return make_pipeline(columns, Ridge(alpha=10.0))


def _trees(seed: int) -> Pipeline:
    words = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=MOST_WORDS
    )
    columns = make_column_transformer((words, _text), remainder="passthrough")
    boosted = HistGradientBoostingRegressor(
        max_iter=200, learning_rate=0.08, max_leaf_nodes=31, min_samples_leaf=200, random_state=seed
    )
    return make_pipeline(columns, boosted)
