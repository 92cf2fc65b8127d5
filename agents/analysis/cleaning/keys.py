"""Rows with the same key: which one wins, by the contract."""

from collections.abc import Sequence

import pandas as pd

from agents.analysis.contract import Contract


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

    The first has, by row, the row that `wins` and the `rule`: "equal" for a row that is equal to an earlier
    one. Without `wins` in the contract, of other rows with the same key the first one stays.
    """
    if not contract.key:
        repeated = values[values.duplicated(keep=False)]
        return _replaced(repeated, list(values.columns), "equal"), values.index[:0]
    same_key = values[values.duplicated(list(contract.key), keep=False)]
    equal = same_key.duplicated()
    replaced = _replaced(same_key, list(values.columns), "equal")
    rest = same_key[~equal]
    if not contract.wins:
        return replaced, rest.index[rest.duplicated(list(contract.key))]
    rest = rest.dropna(subset=list(contract.key))  # an incomplete key identifies nothing
    ordered = in_order_of_winning(rest, contract.wins)[::-1]
    return pd.concat([replaced, _replaced(ordered, contract.key, contract.wins)]), values.index[:0]


def _replaced(rows: pd.DataFrame, by: Sequence[str], rule: str) -> pd.DataFrame:
    """All rows of a group but its first, which wins."""
    groups = rows.groupby(list(by), sort=False, dropna=False, observed=True).ngroup()
    first = groups.drop_duplicates()
    winner = groups.map(pd.Series(first.index, first.to_numpy()))
    is_later = winner.to_numpy() != rows.index.to_numpy()
    return pd.DataFrame({"wins": winner[is_later], "rule": rule})
