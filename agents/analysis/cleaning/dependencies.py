"""Same key, same value: which rows of a partition have another value than the others with their key.

Only the groups that disagree are counted in memory: first, hashes of keys and values tell which these are.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from agents.analysis.cleaning.hashes import Hashes, among, hashed
from agents.analysis.cleaning.rules import Checked
from agents.analysis.contract import Dependency
from agents.runtime import PermanentError

MOST_DISAGREEING = 2_000_000  # values of groups that disagree, each counted once
# No column of a source is named so:
VALUE, COUNT = "\0value", "\0count"
RIGHT, CLEAR, OPEN = "\0right", "\0clear", "\0open"


class TooManyDisagree(PermanentError):
    """A dependency that most groups break: it is none."""

    def __init__(self, by: tuple[str, ...], column: str) -> None:
        super().__init__(by, column)
        self.by, self.column = by, column

    def __str__(self) -> str:
        return (
            f"rows with the same {', '.join(self.by)} have more than {MOST_DISAGREEING:,} different values of "
            f"{self.column!r}: this is no dependency, remove it from the contract"
        )


@dataclass(frozen=True, slots=True)
class Differing:
    """The rows whose value of `column` is not that of their group; `majority` has it by row.

    `undecided` are rows of groups of which no value has the majority.
    """

    column: str
    rows: pd.Series
    undecided: pd.Series
    majority: pd.Series


def wrong_keys(found: list[Differing]) -> pd.Series:
    """The rows that differ from their group in most of several columns: their key is probably wrong."""
    count = sum((one.rows.astype("int64") for one in found[1:]), found[0].rows.astype("int64"))
    return (count * 2 > len(found)) & (len(found) > 1)


@dataclass(slots=True)
class Votes:
    """The values of one column in the groups that disagree; rows with a missing value of `by` pass.

    Values that break a rule of their own column have no vote, and are no key.
    """

    dependency: Dependency
    column: str
    hashes: Hashes
    _contested: np.ndarray = field(default_factory=lambda: np.empty(0, "u8"))
    _decided: pd.DataFrame = field(default_factory=pd.DataFrame)

    def see(self, chunk: Checked) -> None:
        """Note which groups there are, and with which values."""
        known = self._known(chunk)
        keys = hashed([known[name] for name in self.dependency.by])
        self.hashes.add(keys, hashed([known[VALUE]]))

    def count(self, chunks: Iterable[Checked]) -> None:
        """Decide which value each of the groups has. Raises TooManyDisagree."""
        self._contested = self.hashes.repeated()
        by, counted = list(self.dependency.by), pd.DataFrame()
        if not len(self._contested):
            return
        for chunk in chunks:
            known = self._of_contested(chunk)
            known[COUNT] = (~chunk.wrong(self.column))[known.index].astype("int64")
            groups = pd.concat([counted, known]).groupby([*by, VALUE], sort=False, observed=True)
            counted = groups.agg({COUNT: "sum"}).reset_index()
            if len(counted) > MOST_DISAGREEING:
                raise TooManyDisagree(self.dependency.by, self.column)
        self._decided = _decided(counted, by, 1 - self.dependency.may_differ)

    @property
    def is_open(self) -> bool:
        """Whether a group disagrees."""
        return len(self._decided) > 0

    def differing(self, chunk: Checked) -> Differing:
        """The rows of this chunk that have not the value of their group."""
        values = chunk.typed[self.column]
        rows, undecided = (pd.Series(False, values.index) for _ in range(2))
        if not len(self._decided):
            return Differing(self.column, rows, undecided, values)
        known = self._of_contested(chunk)
        right = known.merge(self._decided, on=list(self.dependency.by), how="left")
        right = right.set_axis(known.index)
        is_clear = right[CLEAR].fillna(False).astype(bool)
        differs = (right[VALUE] != right[RIGHT]).fillna(False).astype(bool)
        rows[known.index] = is_clear & differs
        undecided[known.index] = right[OPEN].fillna(False).astype(bool)
        majority = right[RIGHT][is_clear].reindex(values.index)
        return Differing(self.column, rows, undecided, majority.astype(values.dtype))

    def _known(self, chunk: Checked) -> pd.DataFrame:
        keys = {n: chunk.typed[n].mask(chunk.wrong(n)) for n in self.dependency.by}
        return pd.DataFrame(keys | {VALUE: chunk.typed[self.column]}).dropna()

    def _of_contested(self, chunk: Checked) -> pd.DataFrame:
        known = self._known(chunk)
        hashes = hashed([known[name] for name in self.dependency.by])
        return known[among(hashes, self._contested)]


def _decided(counted: pd.DataFrame, by: list[str], share: float) -> pd.DataFrame:
    """By group, the right value, whether it is clear, and whether the group stays open."""
    votes = counted[counted[COUNT] > 0]
    if votes.empty:
        return pd.DataFrame()
    groups = votes.groupby(by, sort=False, observed=True)[COUNT]
    most, sizes = groups.transform("max"), groups.transform("sum")
    tops = votes[votes[COUNT] == most]
    rivals = tops.groupby(by, sort=False, observed=True)[COUNT].transform("count")
    is_clear = (rivals == 1) & (most >= share * sizes)[tops.index]
    is_open = ~is_clear & (most < sizes)[tops.index]
    decided = tops.rename(columns={VALUE: RIGHT}).assign(**{CLEAR: is_clear, OPEN: is_open})
    return decided.drop_duplicates(by)[[*by, RIGHT, CLEAR, OPEN]]
