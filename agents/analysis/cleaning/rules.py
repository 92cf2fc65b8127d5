"""The rules of a contract, checked for all rows at once."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import pandas as pd

from agents.analysis.cleaning.dependencies import Differing, differing, wrong_keys
from agents.analysis.cleaning.evaluating import broken
from agents.analysis.cleaning.numbers import inexact
from agents.analysis.cleaning.values import plain_numbers, spelt, typed, without_words
from agents.analysis.column import Bad, Column
from agents.analysis.contract import Check, Contract, Dependency
from agents.runtime import PermanentError

TO_SIGMA = 1.4826  # median absolute deviation of a normal distribution to its standard deviation
MIN_FOR_OUTLIERS = 20


class ContractBroken(PermanentError):
    """A frozen column breaks a rule: the partition is refused."""

    def __init__(self, column: str, rule: str, rows: int) -> None:
        super().__init__(column, rule, rows)
        self.column, self.rule, self.rows = column, rule, rows

    def __str__(self) -> str:
        what = f"column {self.column!r} breaks" if self.column else "the table breaks"
        return (
            f"{what} rule {self.rule!r} in {self.rows} rows and is frozen: "
            "change the contract or the source"
        )


class TooMany(PermanentError):
    """More rows break a rule than the contract tolerates: the partition is refused."""

    def __init__(self, rule: str, rows: int, of: int, mostly: float) -> None:
        super().__init__(rule, rows, of, mostly)
        self.rule, self.rows, self.of, self.mostly = rule, rows, of, mostly

    def __str__(self) -> str:
        return (
            f"{self.rows:,} of {self.of:,} rows break {self.rule!r}, more than the contract tolerates "
            f"(mostly: {self.mostly:g}): change the contract or the source"
        )


@dataclass(frozen=True, slots=True)
class Violation:
    """The rows that break one rule, of a column or of none, and what becomes of them."""

    column: str
    rule: str
    rows: pd.Series
    bad: Bad | Literal["warning"] = "discard-row"

    @property
    def name(self) -> str:
        """Its name in counts, such as "price: range"."""
        return f"{self.column}: {self.rule}".removeprefix(": ")


@dataclass(frozen=True, slots=True)
class Repair:
    """The values of a column that have been replaced, by row, and what replaced them."""

    column: str
    rule: str
    before: pd.Series
    after: pd.Series


@dataclass(slots=True)
class Checked:
    """Typed values by column, every violation, and every repair."""

    table: pd.DataFrame
    violations: list[Violation]
    repairs: list[Repair]
    unknown: tuple[str, ...]


def check(cells: pd.DataFrame, contract: Contract) -> Checked:
    """Check the cells by the contract. Raises ContractBroken and TooMany."""
    unknown = tuple(name for name in cells.columns if name not in contract.columns)
    if unknown and contract.unknown == "freeze":
        raise ContractBroken(unknown[0], "not in the contract", len(cells))
    checking = _Checking(contract, cells)
    for name, column in contract.columns.items():
        checking.column(name, column)
    for name, column in contract.columns.items():
        if column.outliers_by:
            checking.outliers(name, column)
    for dependency in contract.dependencies:
        checking.dependency(dependency)
    checking.conditions()
    if contract.in_order:
        checking.order()
    if contract.unknown == "evolve":
        for name in unknown:
            given = without_words(cells[name], contract.missing)
            checking.typed[name] = given.astype("string[pyarrow]")
    table = pd.DataFrame(checking.typed, index=cells.index)
    return Checked(table, checking.violations, checking.repairs, unknown)


class _Checking:
    """The cells of one partition on their way to values."""

    def __init__(self, contract: Contract, cells: pd.DataFrame) -> None:
        self._contract, self._cells = contract, cells
        self._now = datetime.now(UTC)
        self.typed: dict[str, pd.Series] = {}
        self.violations: list[Violation] = []
        self.repairs: list[Repair] = []

    def column(self, name: str, column: Column) -> None:
        """Type one column and check it by its own rules."""
        cells = self._cells
        raw = cells[name] if name in cells else pd.Series(pd.NA, cells.index, dtype="string")
        given = spelt(without_words(raw, self._contract.words_of(column)), column.spellings)
        plain = plain_numbers(given, column)
        self.typed[name] = typed(plain, column)
        if column.spellings:
            self._repaired(name, "spelling", raw, given)
        if column.type == "text":
            self._repaired(name, "trimmed", given, self.typed[name])
        bad_rows = pd.Series(False, cells.index)
        for rule, rows in _broken(plain, given, self.typed[name], column):
            self._found(name, rule, rows, column)
            bad_rows |= rows
        self._tolerate(name, bad_rows, column.mostly)

    def outliers(self, name: str, column: Column) -> None:
        """Find the outliers among the rows with the same values of other columns, once all are typed."""
        keys = pd.DataFrame({by: self.typed[by] for by in column.outliers_by})
        groups = keys.groupby(list(column.outliers_by), sort=False, observed=True).ngroup()
        value = self.typed[name].mask(self._wrong()[name])
        assert column.outliers is not None
        rows = _outlying(value, column.outliers, groups.where(groups >= 0))
        self._found(name, f"outlier by {', '.join(column.outliers_by)}", rows, column)

    def dependency(self, dependency: Dependency) -> None:
        """Find the rows that differ from those with the same key, and repair them where declared."""
        found = differing(self.typed, self._wrong(), dependency)
        rule = f"same by {', '.join(dependency.by)}"
        suspects = wrong_keys(found)
        broken_rows = pd.Series(False, self._cells.index)
        for one in found:
            rows = one.rows
            if dependency.repair:
                self._repair(one, rule, rows & ~suspects)
                rows = rows & suspects
            broken_rows |= one.rows
            self._found(one.column, rule, rows, dependency)
            undecided = f"no majority by {', '.join(dependency.by)}"
            self._found(one.column, undecided, one.undecided, dependency)
        self._tolerate(rule, broken_rows, dependency.mostly)

    def conditions(self) -> None:
        """Check what must hold between the columns of a row."""
        for one in self._contract.conditions:
            when, holds = one.nodes(self._contract.columns)
            rows = broken(when, holds, self.typed, one.within, self._now)
            self._found("", one.rule, pd.Series(rows, self._cells.index), one)
            self._tolerate(one.rule, rows, one.mostly)

    def order(self) -> None:
        """Find the rows that are earlier than one before them, in each series."""
        contract = self._contract
        time = self.typed[contract.time]
        by = [self.typed[name] for name in (contract.gaps.by if contract.gaps else ())]
        latest = time.groupby(by, observed=True).cummax() if by else time.cummax()
        rows = (time < latest).fillna(False).astype(bool)
        if rows.any():
            self.violations.append(Violation(contract.time, "out of order", rows, "warning"))

    def _wrong(self) -> dict[str, pd.Series]:
        """The values by column that break a rule of their own column, and are there still."""
        wrong = {name: pd.Series(False, self._cells.index) for name in self.typed}
        for one in self.violations:
            if one.column:
                wrong[one.column] |= one.rows
        return wrong

    def _repair(self, one: Differing, rule: str, rows: pd.Series) -> None:
        values = self.typed[one.column]
        self.typed[one.column] = values.mask(rows, one.majority)
        self.violations = [  # what the replaced values had broken
            replace(v, rows=v.rows & ~rows) if v.column == one.column else v
            for v in self.violations
        ]
        self._repaired(one.column, rule, values, self.typed[one.column])

    def _repaired(self, column: str, rule: str, before: pd.Series, after: pd.Series) -> None:
        rows = _differ(after, before)
        if rows.any():
            self.repairs.append(Repair(column, rule, before[rows], after[rows]))

    def _found(
        self, column: str, rule: str, rows: pd.Series, declared: Column | Dependency | Check
    ) -> None:
        if not rows.any():
            return
        bad = "warning" if declared.severity == "warning" else declared.bad
        one = Violation(column, rule, rows, bad)
        if bad == "freeze":
            raise ContractBroken(column, rule, int(rows.sum()))
        self.violations.append(one)
        if bad == "discard-value":
            self.typed[column] = self.typed[column].mask(rows)

    def _tolerate(self, rule: str, rows: pd.Series | np.ndarray, mostly: float) -> None:
        count, of = int(rows.sum()), len(rows)
        if count > (1 - mostly) * of:
            raise TooMany(rule, count, of, mostly)


def _differ(after: pd.Series, before: pd.Series) -> pd.Series:
    """The rows that have both and differ; a cell that became missing is none of them."""
    old = before.astype("string[pyarrow]")
    return (after.astype("string[pyarrow]") != old).fillna(False).astype(bool)


def _broken(
    plain: pd.Series, given: pd.Series, value: pd.Series, column: Column
) -> Iterator[tuple[str, pd.Series]]:
    """Each rule of the column that some rows break; the later rules pass missing values."""
    outside = _outside(value, column)
    inside = value if outside is None else value.mask(outside)
    rules = {
        "missing": given.isna() if column.required else None,
        "type": given.notna() & value.isna(),
        "precision": inexact(plain) if column.type == "number" and not column.rounds else None,
        "range": outside,
        "allowed": value.notna() & ~value.isin(_allowed(column)) if column.one_of else None,
        **(_of_text(value, column) if column.type == "text" else {}),
        "outlier": (
            _outlying(inside, column.outliers, None)
            if column.outliers and not column.outliers_by
            else None
        ),
    }
    for rule, rows in rules.items():
        if rows is not None and rows.any():
            yield rule, rows.astype(bool)


def _allowed(column: Column) -> list[Any]:
    kind = {"integer": int, "number": float}.get(column.type, str)
    return [kind(word) for word in column.one_of]


def _outside(value: pd.Series, column: Column) -> pd.Series | None:
    if column.low is None and column.high is None:
        return None
    low, high = (_bound(one, column.zone) for one in (column.low, column.high))
    if column.type == "integer":  # a float bound would round the values that it is compared with
        low, high = _whole(low, math.ceil), _whole(high, math.floor)
    too_low = value < low if low is not None else pd.Series(False, value.index)
    too_high = value > high if high is not None else pd.Series(False, value.index)
    return (too_low | too_high).fillna(False)


def _bound(bound: float | datetime | None, zone: str) -> Any:
    if not isinstance(bound, datetime):
        return bound
    time = pd.Timestamp(bound)
    return time if time.tzinfo else time.tz_localize(zone)


def _whole(bound: float | None, rounded: Callable[[float], int]) -> float | None:
    return rounded(bound) if bound is not None and math.isfinite(bound) else bound


def _of_text(value: pd.Series, column: Column) -> dict[str, pd.Series | None]:
    matched = value.str.fullmatch(column.pattern) if column.pattern else None
    return {
        "pattern": ~matched.fillna(True).astype(bool) if matched is not None else None,
        "longest": (value.str.len() > column.longest).fillna(False),
        "control": value.str.contains("[\x00-\x08\x0e-\x1f\x7f]", regex=True).fillna(False),
    }


def _outlying(value: pd.Series, limit: float, groups: pd.Series | None) -> pd.Series:
    """The values too far from the median of their group; a group with few values, or equal ones, has none."""
    numbers = value.astype("float64")
    by = pd.Series(0, value.index) if groups is None else groups
    distance = (numbers - numbers.groupby(by).transform("median")).abs()
    spread = distance.groupby(by).transform("median") * TO_SIGMA
    is_enough = numbers.groupby(by).transform("count") >= MIN_FOR_OUTLIERS
    return (is_enough & (spread > 0) & (distance > limit * spread)).fillna(False)
