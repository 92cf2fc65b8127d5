"""The rules that look at more than one column or row: each is a step that all chunks of a partition pass.

A step that needs the whole partition looks at all chunks before it changes the first: meanwhile the spool has them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import pandas as pd

from agents.analysis.cleaning.clocks import Clocks
from agents.analysis.cleaning.dependencies import Votes, wrong_keys
from agents.analysis.cleaning.evaluating import broken
from agents.analysis.cleaning.hashes import Hashes
from agents.analysis.cleaning.outliers import Medians, outlying
from agents.analysis.cleaning.rules import (
    Checked,
    Tally,
    Violation,
    check_columns,
    found,
    repaired,
)
from agents.analysis.cleaning.spool import Spool
from agents.analysis.contract import Contract, Dependency

LATER = 1_000_000  # the place of violations behind those of single columns


class Step(Protocol):
    """One rule, or several, for all chunks of a partition."""

    def through(self, chunks: Iterator[Checked]) -> Iterator[Checked]:
        """The chunks, checked further; they are consumed now or later."""
        ...


def check(cells: pd.DataFrame, contract: Contract) -> Checked:
    """Check one chunk that is a whole partition. Raises ContractBroken and TooMany."""
    tally = Tally()
    with Spool() as spool:
        lines = pd.Series(range(1, len(cells) + 1), dtype="int64")
        (chunk,) = checked([(cells, lines)], contract, tally, spool)
    tally.require()
    return chunk


def checked(
    tables: Iterable[tuple[pd.DataFrame, pd.Series]], contract: Contract, tally: Tally, spool: Spool
) -> Iterator[Checked]:
    """The chunks of a partition, checked by all rules; at the end, the tally has what refuses the partition.

    Each of the `tables` has cells, and the line of each row.
    """
    clocks = Clocks(contract)
    chunks: Iterator[Checked] = (
        clocks.decide(cells, check_columns(cells, lines, contract, tally))
        for cells, lines in tables
    )
    for step in _steps(contract, tally, spool):
        chunks = step.through(chunks)
    return map(_in_order, chunks)


def _steps(contract: Contract, tally: Tally, spool: Spool) -> Iterator[Step]:
    for name, column in contract.columns.items():
        if column.outliers is not None:
            yield _Outliers(contract, name, tally, spool)
    for dependency in contract.dependencies:
        yield _Dependent(dependency, tally, spool)
    yield _Conditions(contract, tally)
    if contract.in_order:
        yield _Order(contract)


def _in_order(chunk: Checked) -> Checked:
    chunk.violations.sort(key=lambda one: one.place)
    return chunk


@dataclass(slots=True)
class _Outliers:
    """The values of one column that are far from the median, of all or of the rows with the same group."""

    contract: Contract
    name: str
    tally: Tally
    spool: Spool

    def through(self, chunks: Iterator[Checked]) -> Iterator[Checked]:
        column = self.contract.columns[self.name]
        medians = Medians(column.outliers_by)
        kept = self.spool.keep(self._seen(chunks, medians))
        medians.decide()
        place, rule = list(self.contract.columns).index(self.name), "outlier"
        if column.outliers_by:
            place, rule = LATER, f"outlier by {', '.join(column.outliers_by)}"
        assert column.outliers is not None
        for chunk in kept:
            near = medians.of(self._keys(chunk))
            rows = outlying(self._values(chunk), column.outliers, near)
            found(chunk, Violation(self.name, rule, rows, place=place), column, self.tally)
            self.tally.tolerate(self.name, int(rows.sum()), 0, column.mostly)
            yield chunk

    def _seen(self, chunks: Iterator[Checked], medians: Medians) -> Iterator[Checked]:
        for chunk in chunks:
            medians.add(self._keys(chunk), self._values(chunk))
            yield chunk

    def _values(self, chunk: Checked) -> pd.Series:
        return chunk.typed[self.name].mask(chunk.wrong(self.name)).astype("float64")

    def _keys(self, chunk: Checked) -> pd.DataFrame:
        by = self.contract.columns[self.name].outliers_by
        return pd.DataFrame({n: chunk.typed[n] for n in by}, index=pd.RangeIndex(chunk.rows))


@dataclass(slots=True)
class _Dependent:
    """The rows that differ from those with the same key, repaired where that is declared."""

    dependency: Dependency
    tally: Tally
    spool: Spool

    def through(self, chunks: Iterator[Checked]) -> Iterator[Checked]:
        votes = {c: Votes(self.dependency, c, Hashes(self.spool)) for c in self.dependency.same}
        kept = self.spool.keep(self._seen(chunks, votes))
        for one in votes.values():
            one.count(kept)
        return (self._applied(chunk, votes) for chunk in kept)

    @staticmethod
    def _seen(chunks: Iterator[Checked], votes: dict[str, Votes]) -> Iterator[Checked]:
        for chunk in chunks:
            for one in votes.values():
                one.see(chunk)
            yield chunk

    def _applied(self, chunk: Checked, votes: dict[str, Votes]) -> Checked:
        declared = self.dependency
        differing = [one.differing(chunk) for one in votes.values()]
        rule = f"same by {', '.join(declared.by)}"
        suspects = wrong_keys(differing)
        broken_rows = pd.Series(False, pd.RangeIndex(chunk.rows))
        for one in differing:
            rows = one.rows
            broken_rows |= one.rows
            if declared.repair:
                self._repair(chunk, one.column, rows & ~suspects, one.majority)
                rows = rows & suspects
            found(chunk, Violation(one.column, rule, rows, place=LATER), declared, self.tally)
            no_majority = f"no majority by {', '.join(declared.by)}"
            undecided = Violation(one.column, no_majority, one.undecided, place=LATER)
            found(chunk, undecided, declared, self.tally)
        self.tally.tolerate(rule, int(broken_rows.sum()), chunk.rows, declared.mostly)
        return chunk

    def _repair(self, chunk: Checked, column: str, rows: pd.Series, majority: pd.Series) -> None:
        values = chunk.typed[column]
        chunk.typed[column] = values.mask(rows, majority)
        chunk.violations = [  # what the replaced values had broken
            replace(one, rows=one.rows & ~rows) if one.column == column else one
            for one in chunk.violations
        ]
        rule = f"same by {', '.join(self.dependency.by)}"
        repaired(chunk, column, rule, values, chunk.typed[column])


@dataclass(slots=True)
class _Conditions:
    """What must hold between the columns of a row."""

    contract: Contract
    tally: Tally
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def through(self, chunks: Iterator[Checked]) -> Iterator[Checked]:
        return map(self._applied, chunks)

    def _applied(self, chunk: Checked) -> Checked:
        for one in self.contract.conditions:
            when, holds = one.nodes(self.contract.columns)
            rows = broken(when, holds, chunk.typed, one.within, self.now)
            violation = Violation("", one.rule, pd.Series(rows), place=LATER)
            found(chunk, violation, one, self.tally)
            self.tally.tolerate(one.rule, int(rows.sum()), chunk.rows, one.mostly)
        return chunk


@dataclass(slots=True)
class _Order:
    """The rows that are earlier than one before them, in each series."""

    contract: Contract
    latest: dict[tuple[Any, ...], pd.Timestamp] = field(default_factory=dict)

    def through(self, chunks: Iterator[Checked]) -> Iterator[Checked]:
        return map(self._applied, chunks)

    def _applied(self, chunk: Checked) -> Checked:
        name = self.contract.time
        by = list(self.contract.gaps.by) if self.contract.gaps else []
        rows = pd.Series(False, pd.RangeIndex(chunk.rows))
        times = pd.DataFrame({n: chunk.typed[n] for n in dict.fromkeys([name, *by])}).dropna()
        groups = times.groupby(by, observed=True, sort=False) if by else [((), times)]
        for series, group in groups:
            time = group[name]
            if not len(time):
                continue
            latest = time.cummax()
            if series in self.latest:
                latest = latest.where(latest > self.latest[series], self.latest[series])
            rows[time.index[(time < latest).to_numpy(dtype=bool)]] = True
            self.latest[series] = latest.iloc[-1]
        if rows.any():
            one = Violation(name, "out of order", rows, "warning", LATER)
            chunk.violations.append(one)
        return chunk
