"""Suspicion of leakage: one column alone explains nearly all of the outcome.

It may have been written with the outcome, or after it. A person who knows the column decides.
Source: Kaufman et al., Leakage in Data Mining (2012).
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeRegressor

from agents.analysis.modelling.features import Samples

NEARLY_ALL = 0.98  # of the variance of the outcome
ROWS = 20_000
LEAVES, IN_LEAF = 512, 5


def suspicion(train: Samples, validation: Samples, columns: Iterable[str]) -> str:
    """The column that explains most, if that is nearly all; columns have rows of both periods."""
    known, later = _some(train), _some(validation)
    variance = later.outcome.var()
    best, share = "", NEARLY_ALL
    for name in columns:
        if variance > 0 and (found := _share(known, later, name)) > share:
            best, share = name, found
    if not best:
        return ""
    return (
        f"{best!r} alone explains {share:.1%} of the outcome: is it known before the outcome, or written "
        "with it?"
    )


def _share(train: Samples, later: Samples, name: str) -> float:
    """The share of the variance of the later outcomes that a tree over one column explains."""
    before, after = train.features[name], later.features[name]
    if not pd.api.types.is_numeric_dtype(before):
        order = train.outcome.groupby(before.astype("object")).mean()
        before, after = (some.astype("object").map(order) for some in (before, after))
    tree = DecisionTreeRegressor(max_leaf_nodes=LEAVES, min_samples_leaf=IN_LEAF, random_state=0)
    tree.fit(_column(before), train.outcome)
    errors = later.outcome.to_numpy() - tree.predict(_column(after))
    return float(1 - np.mean(np.square(errors)) / later.outcome.var())


def _column(values: pd.Series) -> np.ndarray:
    return values.to_numpy(dtype="float64", na_value=np.nan).reshape(-1, 1)


def _some(samples: Samples) -> Samples:
    """Evenly spread rows, at most ROWS of them."""
    step = max(1, len(samples.outcome) // ROWS)
    return samples.of(slice(None, None, step))
