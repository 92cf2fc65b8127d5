"""Rows with the same key: which one wins, by the contract, over all chunks of a partition."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from agents.analysis.cleaning.hashes import Hashes, among, hashed
from agents.analysis.cleaning.rules import Checked
from agents.analysis.cleaning.spool import Spool
from agents.analysis.contract import Contract

CELLS = 4_000_000  # of rows with repeated keys that are compared at once


def in_order_of_winning(rows: pd.DataFrame, wins: str) -> pd.DataFrame:
    """The rows so that of two with the same key the last one wins; of equals, the later row."""
    order, _, column = wins.partition(" ")
    if column:
        return rows.sort_values(
            column, ascending=order == "highest", kind="stable", na_position="first"
        )
    return rows[::-1] if order == "first" else rows


def losers(values: pd.DataFrame, contract: Contract) -> tuple[pd.DataFrame, pd.Index]:
    """The rows that another one of the partition replaces, and those with a key that two rows contest.

    The first has, by row, the row that `wins` and the `rule`: "equal" for a row that is equal to it. Without
    `wins` in the contract, of other rows with the same key the first one stays.
    """
    if not contract.key:
        repeated = values[values.duplicated(keep=False)]
        return _replaced(repeated, list(values.columns), "equal"), values.index[:0]
    same_key = values[values.duplicated(list(contract.key), keep=False)]
    equal = _replaced(same_key, list(values.columns), "equal")
    if not contract.wins:
        rest = same_key.drop(equal.index)
        return equal, rest.index[rest.duplicated(list(contract.key))]
    is_whole = same_key[list(contract.key)].notna().all(axis=1)  # another key identifies nothing
    ordered = in_order_of_winning(same_key[is_whole], contract.wins)[::-1]
    replaced = _replaced(ordered, contract.key, contract.wins)
    same = ordered.groupby(list(ordered.columns), sort=False, dropna=False, observed=True).ngroup()
    is_equal = same[replaced.index].to_numpy() == same[replaced["wins"]].to_numpy()
    replaced.loc[is_equal, "rule"] = "equal"
    return pd.concat([equal[~is_whole[equal.index]], replaced]), values.index[:0]


def _replaced(rows: pd.DataFrame, by: Sequence[str], rule: str) -> pd.DataFrame:
    """All rows of a group but its first, which wins."""
    groups = rows.groupby(list(by), sort=False, dropna=False, observed=True).ngroup()
    first = groups.drop_duplicates()
    winner = groups.map(pd.Series(first.index, first.to_numpy()))
    is_later = winner.to_numpy() != rows.index.to_numpy()
    return pd.DataFrame({"wins": winner[is_later], "rule": rule})


@dataclass(slots=True)
class Losing:
    """The rows of a partition that lose, by number: the line of the row that `wins`, and by which `rule`.

    The rule of a row whose key is contested is empty.
    """

    rows: pd.DataFrame

    def of(self, first: int, count: int) -> tuple[pd.DataFrame, pd.Index]:
        """Those among `count` rows from `first` on, by their place there: replaced ones, and contested ones."""
        begin, end = self.rows.index.searchsorted([first, first + count])
        some = self.rows.iloc[begin:end]
        some = some.set_axis(some.index - first)
        return some[some["rule"] != ""], some.index[some["rule"] == ""]


def losing(
    chunks: Iterator[Checked], contract: Contract, spool: Spool
) -> tuple[Iterable[Checked], Losing]:
    """Go through all chunks of a partition; they come back with the rows that lose.

    Only rows whose hash several have are compared, in groups of about CELLS cells: a partition with more of
    them is read more often.
    """
    hashes = Hashes(spool)
    kept = spool.keep(_seen(chunks, contract, hashes))
    repeated = hashes.repeated()
    groups = -(-len(repeated) * len(contract.columns) // CELLS)
    found = [some for n in range(groups) for some in _compared(kept, contract, repeated[n::groups])]
    empty = pd.DataFrame({"wins": pd.Series(dtype="int64"), "rule": pd.Series(dtype="object")})
    return kept, Losing(pd.concat([empty, *found]).sort_index())


def _seen(chunks: Iterator[Checked], contract: Contract, hashes: Hashes) -> Iterator[Checked]:
    row = 0
    for chunk in chunks:
        good = chunk.is_good.to_numpy()
        hashes.add(_hashes(chunk, contract)[good], np.arange(row, row + chunk.rows)[good])
        row += chunk.rows
        yield chunk


def _hashes(chunk: Checked, contract: Contract) -> np.ndarray:
    return hashed([chunk.typed[name] for name in contract.key or contract.columns])


def _compared(
    kept: Iterable[Checked], contract: Contract, repeated: np.ndarray
) -> Iterator[pd.DataFrame]:
    """The good rows with one of these hashes that lose, by their numbers, and the lines of those that win."""
    rows, lines, row = pd.DataFrame(), pd.Series(dtype="int64"), 0
    for chunk in kept:
        good = np.flatnonzero(chunk.is_good.to_numpy())
        good = good[among(_hashes(chunk, contract)[good], repeated)]
        if len(good):
            rows = pd.concat([rows, chunk.table.iloc[good].set_axis(good + row)])
            lines = pd.concat([lines, chunk.lines.iloc[good].set_axis(good + row)])
        row += chunk.rows
        if rows.size > 2 * CELLS:  # many rows of few keys: only those that may still win are kept
            yield (found := _named(losers(rows, contract), lines))
            rows, lines = rows.drop(found.index), lines.drop(found.index)
    if len(rows):
        yield _named(losers(rows, contract), lines)


def _named(found: tuple[pd.DataFrame, pd.Index], lines: pd.Series) -> pd.DataFrame:
    replaced, contested = found
    replaced["wins"] = lines[replaced["wins"]].to_numpy()
    return pd.concat([replaced, pd.DataFrame({"wins": -1, "rule": ""}, index=contested)])
