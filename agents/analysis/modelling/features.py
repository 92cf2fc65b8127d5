"""Features: columns known before the outcome, the calendar, and earlier outcomes known by then.

No feature depends on the outcome of its own row or on the future; a test with marked future values
shows that. The rows are split by time into training, validation and test.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from agents.analysis.contract import Contract
from agents.analysis.modelling.earlier import earlier
from agents.analysis.study import History, Join, Study
from agents.runtime import PermanentError

HOUR = pd.Timedelta(hours=1)
MIN_ROWS = 100  # of each part of the split
HOURS_OF_DAYS = 2  # dates have one hour in their zone, and two if summer time moves them
TWO_YEARS = pd.Timedelta(days=730)  # with less, some months of the test were never trained on
MIN_DAYS = 4
CALENDAR = ("hour", "weekday", "month")


@dataclass(slots=True)
class Samples:
    """Rows ordered by time: features, outcome, time, and the group of each row for people, such as "site north"."""

    features: pd.DataFrame
    outcome: pd.Series
    time: pd.Series
    group: pd.Series

    def between(self, begin: pd.Timestamp | None, end: pd.Timestamp | None) -> "Samples":
        """The rows at or after `begin` and before `end`."""
        chosen = pd.Series(True, index=self.time.index)
        if begin is not None:
            chosen &= self.time >= begin
        if end is not None:
            chosen &= self.time < end
        return self.of(chosen)

    def of(self, chosen: pd.Series | slice) -> "Samples":
        """These rows."""
        return Samples(
            self.features[chosen], self.outcome[chosen], self.time[chosen], self.group[chosen]
        )


def samples(study: Study, files: Mapping[str, Sequence[Path]]) -> Samples:
    """The rows of the first source that have an outcome, with their features."""
    main = study.sources[0]
    contract, others = main.contract, {s.name: s for s in study.sources}
    known = known_before(contract)
    declared = contract.features
    needed = {contract.time, study.target, *known, *declared.by, *_of_history(study.history)}
    needed |= {column for join in study.joins for column in join.by}
    by = grouped_by(contract)
    needed |= {*by}
    rows = _read(files[main.name], sorted({*needed, *contract.key}))
    if contract.key:  # the latest row of a key replaces the earlier ones
        rows = rows.drop_duplicates(list(contract.key), keep="last")
    rows = rows.dropna(subset=[contract.time])
    rows = rows.sort_values([contract.time, *known], kind="stable").reset_index(drop=True)
    features = rows[known].copy()
    for join in study.joins:
        other = others[join.source].contract
        features = features.join(_joined(rows, contract.time, join, other, files[join.source]))
    if study.history is not None:
        features["recent"] = _recent(rows, contract.time, study.target, study.history)
    for name, values in earlier(rows, contract.time, study.target, declared):
        features[name] = values
    zone = contract.columns[contract.time].zone
    for name, values in _calendar(rows[contract.time], zone).items():
        if name not in features:
            features[name] = values
    for name in map(str, features):
        if not pd.api.types.is_string_dtype(features[name]):
            features[name] = features[name].astype("float64")
    has_outcome = rows[study.target].notna()
    return Samples(
        features[has_outcome].reset_index(drop=True),
        rows.loc[has_outcome, study.target].astype("float64").reset_index(drop=True),
        rows.loc[has_outcome, contract.time].reset_index(drop=True),
        _group(rows[has_outcome], by).reset_index(drop=True),
    )


def grouped_by(contract: Contract) -> tuple[str, ...]:
    """The columns that tell the series of a source apart, as far as it declares them."""
    gaps = contract.gaps.by if contract.gaps is not None else ()
    steady = next((one.by for one in contract.steady if one.by), ())
    return contract.features.by or gaps or steady


def _group(rows: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    found = pd.Series("", rows.index, dtype="string")
    for name in by:
        word = name + " " + rows[name].astype("string").fillna("without")
        found = word if name == by[0] else found + ", " + word
    return found


def _calendar(time: pd.Series, zone: str) -> dict[str, pd.Series]:
    """What of the calendar differs between the rows: people live by the clock of their zone."""
    local = time.dt.tz_convert(zone)
    found = {"weekday": local.dt.day_of_week}
    if local.dt.hour.nunique() > HOURS_OF_DAYS:
        found["hour"] = local.dt.hour
    if len(time) and time.max() - time.min() >= TWO_YEARS:
        found["month"] = local.dt.month
    return found


def known_before(contract: Contract) -> list[str]:
    """The columns that a model may use."""
    return [name for name, column in contract.columns.items() if column.known_before]


def _of_history(history: History | None) -> set[str]:
    return {history.known_after, *history.by} if history else set()


def _read(files: Sequence[Path], columns: list[str]) -> pd.DataFrame:
    return pd.concat([_table(file, columns) for file in files], ignore_index=True)


def _table(file: Path, columns: list[str]) -> pd.DataFrame:
    # Integers beside missing ones would become floats, and long keys equal to others.
    found: pd.DataFrame = pq.read_table(file, columns=columns).to_pandas(
        types_mapper={pa.int64(): pd.Int64Dtype()}.get
    )
    return found


def _joined(
    rows: pd.DataFrame, time: str, join: Join, other: Contract, files: Sequence[Path]
) -> pd.DataFrame:
    """The columns of the other source from its row `hours` earlier; NA where there is none."""
    wanted = [other.time, *join.by, *join.columns]
    theirs = _read(files, wanted).dropna(subset=[other.time])
    theirs["_at"] = theirs.pop(other.time).dt.floor("h") + join.hours * HOUR
    theirs = theirs.drop_duplicates(["_at", *join.by])
    keys = rows[list(join.by)].assign(_at=rows[time].dt.floor("h"))
    found = keys.merge(theirs, on=["_at", *join.by], how="left")
    return found[list(join.columns)].add_prefix(f"{join.source}_")


def _recent(rows: pd.DataFrame, time: str, target: str, history: History) -> pd.Series:
    """The mean of the outcomes that became known in the hours before each row; NA if there are none."""
    hour = rows[time].dt.floor("h")
    known = hour + HOUR + pd.to_timedelta(rows[history.known_after].astype("float64"), unit="min")
    by = list(history.by)
    outcomes = rows[by].assign(at=known.dt.ceil("h"), outcome=rows[target].astype("float64"))
    sums = outcomes.dropna().groupby([*by, "at"])["outcome"].agg(["sum", "count"]).reset_index()
    keys = rows[by].assign(at=hour)
    total, count = np.zeros(len(rows)), np.zeros(len(rows))
    for back in range(history.span):
        shifted = sums.assign(at=sums["at"] + back * HOUR)
        found = keys.merge(shifted, on=[*by, "at"], how="left")
        total += found["sum"].fillna(0).to_numpy()
        count += found["count"].fillna(0).to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.Series(np.where(count > 0, total / count, np.nan), index=rows.index)


class TooFewRows(PermanentError):
    """Not enough rows with an outcome: `rows` of them in this `part`, `of` altogether, on `days` days."""

    def __init__(self, part: str, rows: int, of: int, days: int) -> None:
        super().__init__(part, rows, of, days)
        self.part, self.rows, self.of, self.days = part, rows, of, days

    def __str__(self) -> str:
        few = f"{self.rows:,} rows with an outcome for {self.part}, of {self.of:,} over {self.days:,} days"
        if self.days < MIN_DAYS:
            return f"{few}: at least {MIN_DAYS} days are needed, as no day may be in two parts"
        wanted = MIN_ROWS * self.of // max(self.rows, 1)
        return (
            f"{few}: at least {MIN_ROWS} are needed to choose a model and to judge it, which are about "
            f"{wanted:,} rows altogether, spread as these are; the data is published without a model"
        )


@dataclass(frozen=True, slots=True)
class Split:
    """Three consecutive periods without a common row."""

    train: Samples
    validation: Samples
    test: Samples


def split(samples: Samples, test_share: float) -> Split:
    """Split by time: the last share is the test, and as large a share of the rest the validation.

    The cuts are between days, so that no day is in two parts. Raises TooFewRows.
    """
    first, last = samples.time.min(), samples.time.max()
    test_from = _day(first + (last - first) * (1 - test_share))
    validation_from = _day(first + (test_from - first) * (1 - test_share))
    parts = Split(
        samples.between(None, validation_from),
        samples.between(validation_from, test_from),
        samples.between(test_from, None),
    )
    named = {"training": parts.train, "validation": parts.validation, "the test": parts.test}
    rows, name = min((len(part.outcome), name) for name, part in named.items())
    if rows < MIN_ROWS:
        days = samples.time.dt.floor("D").nunique()
        raise TooFewRows(name, rows, len(samples.outcome), days)
    return parts


def _day(time: pd.Timestamp) -> pd.Timestamp:
    return time.floor("D")
