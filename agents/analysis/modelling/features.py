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
from agents.analysis.modelling.declared import holidays_of
from agents.analysis.modelling.earlier import earlier
from agents.analysis.study import History, Join, Study
from agents.runtime import PermanentError

HOUR = pd.Timedelta(hours=1)
MIN_ROWS = 100  # of each part of the split
HOURS_OF_DAYS = 2  # dates have one hour in their zone, and two if summer time moves them
ENOUGH_WEEKS = 3  # to know how many rows this day of the week has
TWO_YEARS = pd.Timedelta(days=730)  # with less, some months of the test were never trained on
MIN_DAYS = 4
COMING = "\0coming"  # which no column of a source is named
CALENDAR = ("hour", "weekday", "month", "holiday")
COMPLETE, ROWS_OF_DAY = (
    0.5,
    4,
)  # share of the usual rows that a last day must have; fewest usual rows


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
    rows = _rows(study, files)
    has_outcome = rows[study.target].notna()
    return _of(study, rows, _features(study, files, rows), has_outcome)


def coming(study: Study, files: Mapping[str, Sequence[Path]]) -> Samples:
    """The times after the last row of each series, as far as a forecast is asked for; no outcome is known."""
    contract = study.sources[0].contract
    rows = _rows(study, files).assign(**{COMING: False})
    rows = pd.concat([rows, _after(rows, contract)], ignore_index=True)
    rows = rows.sort_values([contract.time], kind="stable").reset_index(drop=True)
    is_coming = rows.pop(COMING).astype(bool)
    return _of(study, rows, _features(study, files, rows), is_coming)


def _after(rows: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Rows with the times that come, without those of a series that ended long ago."""
    assert contract.gaps is not None
    step, horizon = pd.Timedelta(seconds=contract.gaps.every), contract.forecast_hours * HOUR
    by, latest = list(grouped_by(contract)), rows[contract.time].max()
    last = rows.drop_duplicates(by, keep="last") if by else rows.tail(1)
    last = last[last[contract.time] > latest - horizon][[*by, contract.time]]
    count = int(horizon / step)
    after: pd.DataFrame = last.loc[last.index.repeat(count)].reset_index(drop=True)
    steps = np.tile(np.arange(1, count + 1), len(last)) * step
    after[contract.time] = after[contract.time] + steps
    after[COMING] = True
    return after


def _rows(study: Study, files: Mapping[str, Sequence[Path]]) -> pd.DataFrame:
    """The rows of the first source in the order of their times."""
    contract = study.sources[0].contract
    known = known_before(contract)
    needed = {contract.time, study.target, *known, *_of_history(study.history)}
    needed |= {*contract.features.by, *grouped_by(contract)}
    needed |= {column for join in study.joins for column in join.by}
    rows = _read(files[contract.name], sorted({*needed, *contract.key}))
    if contract.key:  # the latest row of a key replaces the earlier ones
        rows = rows.drop_duplicates(list(contract.key), keep="last")
    rows = rows.dropna(subset=[contract.time])
    return rows.sort_values([contract.time, *known], kind="stable").reset_index(drop=True)


def _features(
    study: Study, files: Mapping[str, Sequence[Path]], rows: pd.DataFrame
) -> pd.DataFrame:
    contract, others = study.sources[0].contract, {s.name: s for s in study.sources}
    features = rows[known_before(contract)].copy()
    for join in study.joins:
        other = others[join.source].contract
        features = features.join(_joined(rows, contract.time, join, other, files[join.source]))
    if study.history is not None:
        features["recent"] = _recent(rows, contract.time, study.target, study.history)
    for name, values in earlier(rows, contract.time, study.target, contract.features):
        features[name] = values
    zone = contract.columns[contract.time].zone
    for name, values in _calendar(rows[contract.time], zone, contract.holidays).items():
        if name not in features:
            features[name] = values
    for name in map(str, features):
        if not pd.api.types.is_string_dtype(features[name]):
            features[name] = features[name].astype("float64")
    return features


def _of(study: Study, rows: pd.DataFrame, features: pd.DataFrame, chosen: pd.Series) -> Samples:
    contract = study.sources[0].contract
    return Samples(
        features[chosen].reset_index(drop=True),
        rows.loc[chosen, study.target].astype("float64").reset_index(drop=True),
        rows.loc[chosen, contract.time].reset_index(drop=True),
        _group(rows[chosen], grouped_by(contract)).reset_index(drop=True),
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


def _calendar(time: pd.Series, zone: str, holidays: str) -> dict[str, pd.Series]:
    """What of the calendar differs between the rows: people live by the clock of their zone."""
    local = time.dt.tz_convert(zone)
    found = {"weekday": local.dt.day_of_week}
    if local.dt.hour.nunique() > HOURS_OF_DAYS:
        found["hour"] = local.dt.hour
    if len(time) and time.max() - time.min() >= TWO_YEARS:
        found["month"] = local.dt.month
    if holidays:
        free = holidays_of(holidays, local.dt.year.unique())
        dates = pd.Series(local.dt.date)
        found["holiday"] = dates.isin([one for one in dates.unique() if one in free]).astype(int)
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


def complete(samples: Samples, zone: str) -> tuple[Samples, int]:
    """The rows without those of a last day that is not complete yet, and how many these are.

    Its hours are not those of a whole day, so nothing is learnt from it, and nothing judged by it.
    """
    days = samples.time.dt.tz_convert(zone).dt.normalize()
    sizes = days.value_counts().sort_index()
    before, last = sizes.iloc[:-1], sizes.index[-1]
    same = before[pd.DatetimeIndex(before.index).day_of_week == last.day_of_week]
    usual = (same if len(same) >= ENOUGH_WEEKS else before).median() if len(before) > 1 else 0
    if usual < ROWS_OF_DAY or sizes.iloc[-1] >= COMPLETE * usual:
        return samples, 0
    return samples.of(days < last), int(sizes.iloc[-1])


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
    """Three consecutive periods without a common row; `left_out` rows after them are of a day not complete."""

    train: Samples
    validation: Samples
    test: Samples
    left_out: int = 0


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
