"""The rules of single columns, checked for all rows of a chunk at once, and what is found by any rule."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from agents.analysis.cleaning.numbers import inexact, strings
from agents.analysis.cleaning.values import plain_numbers, spelt, typed, without_words
from agents.analysis.column import Bad, Column
from agents.analysis.contract import Check, Contract, Dependency
from agents.runtime import PermanentError

FEW = 1_000  # cells that are looked at to see whether texts repeat


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
    """The rows that break one rule, of a column or of none, and what becomes of them.

    `place` orders the violations: of those of a row, the first one is counted.
    """

    column: str
    rule: str
    rows: pd.Series
    bad: Bad | Literal["warning"] = "discard-row"
    place: int = 0

    @property
    def name(self) -> str:
        """Its name in counts, such as "price: range"."""
        return f"{self.column}: {self.rule}".removeprefix(": ")


@dataclass(frozen=True, slots=True)
class Repair:
    """The values of a column that have been replaced, by row, and what replaced them, all as texts."""

    column: str
    rule: str
    before: pd.Series
    after: pd.Series


@dataclass(slots=True)
class Checked:
    """A chunk of rows: the lines, the typed values by column, every violation, and every repair so far."""

    lines: pd.Series
    typed: dict[str, pd.Series]
    violations: list[Violation]
    repairs: list[Repair]
    unknown: tuple[str, ...]

    @property
    def rows(self) -> int:
        """How many rows there are, good and bad."""
        return len(self.lines)

    @property
    def table(self) -> pd.DataFrame:
        """The values as one table."""
        return pd.DataFrame(self.typed, index=pd.RangeIndex(self.rows))

    @property
    def is_good(self) -> pd.Series:
        """Which rows break no rule by which they are discarded."""
        good = pd.Series(True, pd.RangeIndex(self.rows))
        for one in self.violations:
            if one.bad == "discard-row":
                good &= ~one.rows
        return good

    def wrong(self, column: str) -> pd.Series:
        """The values of a column that break a rule of their own, and are there still."""
        wrong = pd.Series(False, pd.RangeIndex(self.rows))
        for one in self.violations:
            if one.column == column:
                wrong |= one.rows
        return wrong


@dataclass(slots=True)
class Tally:
    """How many rows break what, over all chunks of a partition: which of it refuses the partition, shows the end."""

    frozen: dict[tuple[str, str], int] = field(default_factory=dict)
    tolerated: dict[str, tuple[int, int, float]] = field(default_factory=dict)

    def freeze(self, column: str, rule: str, rows: int) -> None:
        """Count rows that break a frozen rule."""
        self.frozen[column, rule] = self.frozen.get((column, rule), 0) + rows

    def tolerate(self, rule: str, rows: int, of: int, mostly: float) -> None:
        """Count rows that break a rule of which the contract tolerates a share."""
        before, so_far, _ = self.tolerated.get(rule, (0, 0, mostly))
        self.tolerated[rule] = (before + rows, so_far + of, mostly)

    def require(self) -> None:
        """Raise ContractBroken or TooMany if the rows so far refuse the partition."""
        for (column, rule), rows in self.frozen.items():
            raise ContractBroken(column, rule, rows)
        for rule, (rows, of, mostly) in self.tolerated.items():
            if rows > (1 - mostly) * of:
                raise TooMany(rule, rows, of, mostly)


def check_columns(
    cells: pd.DataFrame, lines: pd.Series, contract: Contract, tally: Tally
) -> Checked:
    """Type each column and check it by its own rules."""
    unknown = tuple(name for name in cells.columns if name not in contract.columns)
    if unknown and contract.unknown == "freeze":
        tally.freeze(unknown[0], "not in the contract", len(cells))
    chunk = Checked(lines, {}, [], [], unknown)
    for place, (name, column) in enumerate(contract.columns.items()):
        raw = cells[name] if name in cells else pd.Series(pd.NA, cells.index, dtype="string")
        one = _checked_once(raw, column, contract.words_of(column))
        chunk.typed[name] = one.typed
        chunk.repairs += [Repair(name, rule, *texts) for rule, texts in one.repairs.items()]
        bad_rows = np.zeros(len(cells), dtype=bool)
        for rule, rows in one.broken.items():
            found(chunk, Violation(name, rule, rows, place=place), column, tally)
            bad_rows |= rows.to_numpy(dtype=bool)
        tally.tolerate(name, int(bad_rows.sum()), len(cells), column.mostly)
    if contract.unknown == "evolve":
        for name in unknown:
            given = without_words(cells[name], contract.missing)
            chunk.typed[name] = given.astype("string[pyarrow]")
    return chunk


def found(
    chunk: Checked, one: Violation, declared: Column | Dependency | Check, tally: Tally
) -> None:
    """Add a violation to the chunk, with what its declaration says of it."""
    if not one.rows.any():
        return
    bad = "warning" if declared.severity == "warning" else declared.bad
    if bad == "freeze":
        tally.freeze(one.column, one.rule, int(one.rows.sum()))
    else:
        chunk.violations.append(replace(one, bad=bad))
    if bad == "discard-value":
        chunk.typed[one.column] = chunk.typed[one.column].mask(one.rows)


def repaired(chunk: Checked, column: str, rule: str, before: pd.Series, after: pd.Series) -> None:
    """Add a repair to the chunk: where both have a value and differ."""
    if (texts := _different(before, after)) is not None:
        chunk.repairs.append(Repair(column, rule, *texts))


def _different(before: pd.Series, after: pd.Series) -> tuple[pd.Series, pd.Series] | None:
    """The texts before and after, of the rows that have both and differ."""
    old, new = before.astype("string[pyarrow]"), after.astype("string[pyarrow]")
    rows = (new != old).fillna(False).astype(bool)
    return (old[rows], new[rows]) if rows.any() else None


@dataclass(frozen=True, slots=True)
class _Column:
    """The values of a column, the rows that break each rule, and texts before and after each repair."""

    typed: pd.Series
    broken: dict[str, pd.Series]
    repairs: dict[str, tuple[pd.Series, pd.Series]]


def _checked_once(cells: pd.Series, column: Column, words: Sequence[str]) -> _Column:
    """Check each different text once: the rules of a column depend on nothing but the cell."""
    encoded = _encoded(cells)
    if encoded is None:
        return _checked(cells, column, words)
    codes, texts = encoded
    one = _checked(texts, column, words)
    repairs = {}
    for rule, (before, after) in one.repairs.items():
        rows = np.isin(codes, before.index)
        repairs[rule] = (
            before[codes[rows]].set_axis(cells.index[rows]),
            after[codes[rows]].set_axis(cells.index[rows]),
        )
    broken = {rule: rows.take(codes).set_axis(cells.index) for rule, rows in one.broken.items()}
    return _Column(one.typed.take(codes).set_axis(cells.index), broken, repairs)


def _encoded(cells: pd.Series) -> tuple[np.ndarray, pd.Series] | None:
    """The place of each cell among the different texts, and these; None where most texts differ."""
    if len(cells) < FEW or not pd.api.types.is_string_dtype(cells.dtype):
        return None
    if cells.iloc[:FEW].nunique(dropna=False) > FEW * 9 // 10:
        return None
    encoded = pc.dictionary_encode(strings(cells), null_encoding="encode")
    if len(encoded.dictionary) > len(cells) // 2:
        return None
    texts = pd.Series(pd.array(encoded.dictionary, dtype="string[pyarrow]"))
    return encoded.indices.to_numpy(), texts


def _checked(raw: pd.Series, column: Column, words: Sequence[str]) -> _Column:
    there = without_words(raw, words)
    given = spelt(there, column.spellings)
    plain = plain_numbers(given, column)
    values = typed(plain, column)
    pairs = {"spelling": (there, given)} if column.spellings else {}
    pairs |= {"trimmed": (given, values)} if column.type == "text" else {}
    texts = {rule: _different(*pair) for rule, pair in pairs.items()}
    repairs = {rule: found for rule, found in texts.items() if found is not None}
    return _Column(values, dict(_broken(plain, given, values, column)), repairs)


def _broken(
    plain: pd.Series, given: pd.Series, value: pd.Series, column: Column
) -> Iterator[tuple[str, pd.Series]]:
    """Each rule of the column that some rows break; the later rules pass missing values."""
    rules = {
        "missing": given.isna() if column.required else None,
        "type": given.notna() & value.isna(),
        "precision": inexact(plain) if column.type == "number" and not column.rounds else None,
        "range": _outside(value, column),
        "allowed": value.notna() & ~value.isin(_allowed(column)) if column.one_of else None,
        **(_of_text(value, column) if column.type == "text" else {}),
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
