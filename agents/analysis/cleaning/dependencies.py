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


def differing(
    values: Mapping[str, pd.Series], wrong: Mapping[str, pd.Series], dependency: Dependency
) -> list[Differing]:
    """The rows that break the dependency, by column; rows with a missing value of `by` pass.

    `wrong` marks values that break a rule of their own column: they have no vote, and are no key.
    """
    keys = pd.DataFrame({n: values[n].mask(wrong[n]) for n in dependency.by})
    groups = keys.groupby(list(dependency.by), sort=False, observed=True).ngroup()
    codes = groups.fillna(-1).to_numpy(dtype="int64")
    return [
        _of_column(_Votes(column, values[column], wrong[column], codes), 1 - dependency.may_differ)
        for column in dependency.same
    ]


def wrong_keys(found: list[Differing]) -> pd.Series:
    """The rows that differ from their group in most of several columns: their key is probably wrong."""
    count = sum((one.rows.astype("int64") for one in found[1:]), found[0].rows.astype("int64"))
    return (count * 2 > len(found)) & (len(found) > 1)


@dataclass(frozen=True, slots=True)
class _Votes:
    column: str
    given: pd.Series
    wrong: pd.Series
    groups: np.ndarray


def _of_column(votes: _Votes, share: float) -> Differing:
    values, groups = votes.given, votes.groups
    codes, known = pd.factorize(values)
    is_given = (groups >= 0) & (codes >= 0)
    is_vote = is_given & ~votes.wrong.to_numpy(dtype=bool)
    pairs, counts = np.unique(
        groups[is_vote] * max(len(known), 1) + codes[is_vote], return_counts=True
    )
    owners, choices = np.divmod(pairs, max(len(known), 1))
    sizes, most, rivals, top = _ranked(owners, counts, int(groups.max(initial=-1)) + 1)
    is_clear = (rivals == 1) & (most >= share * sizes)
    owner = groups[is_given]
    rows = pd.Series(False, values.index)
    undecided, majority = rows.copy(), values.copy()
    right = choices[top[owner]] if len(choices) else codes[is_given]
    rows[is_given] = is_clear[owner] & (right != codes[is_given])
    undecided[is_given] = ~is_clear[owner] & (most[owner] < sizes[owner])
    replaced = pd.Series(known.take(right), values.index[is_given])
    majority = majority.mask(rows, replaced.reindex(values.index))
    return Differing(votes.column, rows, undecided, majority)


def _ranked(owners: np.ndarray, counts: np.ndarray, groups: int) -> tuple[np.ndarray, ...]:
    """By group: its votes, those for the most frequent value, how many values share that place, and one."""
    sizes = np.bincount(owners, counts, groups)
    most = np.zeros(groups, dtype="int64")
    np.maximum.at(most, owners, counts)
    is_top = counts == most[owners]
    rivals = np.bincount(owners[is_top], minlength=groups)
    top = np.zeros(groups, dtype="int64")
    top[owners[is_top]] = np.flatnonzero(is_top)
    return sizes, most, rivals, top
