"""Same key, same value: which rows of a table have another value than the others with their key."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from agents.analysis.contract import Dependency


@dataclass(frozen=True, slots=True)
class Differing:
    """The rows whose value of `column` is not that of their group; `majority` has it by row.

    `undecided` are rows of groups of which no value has the majority.
    """

    column: str
    rows: pd.Series
    undecided: pd.Series
    majority: pd.Series


def differing(values: Mapping[str, pd.Series], dependency: Dependency) -> list[Differing]:
    """The rows that break the dependency, by column; rows with a missing value of `by` pass."""
    keys = pd.DataFrame({name: values[name] for name in dependency.by})
    groups = keys.groupby(list(dependency.by), sort=False, observed=True).ngroup()
    codes = groups.fillna(-1).to_numpy(dtype="int64")
    return [
        _of_column(column, values[column], codes, 1 - dependency.may_differ)
        for column in dependency.same
    ]


def wrong_keys(found: list[Differing]) -> pd.Series:
    """The rows that differ from their group in most of several columns: their key is probably wrong."""
    count = sum((one.rows.astype("int64") for one in found[1:]), found[0].rows.astype("int64"))
    return (count * 2 > len(found)) & (len(found) > 1)


def _of_column(column: str, values: pd.Series, groups: np.ndarray, share: float) -> Differing:
    codes, known = pd.factorize(values)
    is_known = (groups >= 0) & (codes >= 0)
    pairs, place, counts = np.unique(
        groups[is_known] * max(len(known), 1) + codes[is_known],
        return_inverse=True,
        return_counts=True,
    )
    owners = pairs // max(len(known), 1)
    sizes, most, rivals, top = _ranked(owners, counts)
    is_clear = (rivals == 1) & (most >= share * sizes)
    rows = pd.Series(False, values.index)
    undecided, majority = rows.copy(), values.copy()
    owner = owners[place]
    rows[is_known] = is_clear[owner] & (top[owner] != place)
    undecided[is_known] = ~is_clear[owner] & (most[owner] < sizes[owner])
    right = pd.Series(known.take(pairs[top[owner]] % max(len(known), 1)), values.index[is_known])
    majority = majority.mask(rows, right.reindex(values.index))
    return Differing(column, rows, undecided, majority)


def _ranked(owners: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, ...]:
    """By group: its rows, those with its most frequent value, how many values are so frequent, and one."""
    groups = int(owners.max(initial=-1)) + 1
    sizes = np.bincount(owners, counts, groups)
    most = np.zeros(groups, dtype="int64")
    np.maximum.at(most, owners, counts)
    is_top = counts == most[owners]
    rivals = np.bincount(owners[is_top], minlength=groups)
    top = np.zeros(groups, dtype="int64")
    top[owners[is_top]] = np.flatnonzero(is_top)
    return sizes, most, rivals, top
