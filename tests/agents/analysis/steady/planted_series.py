"""Readings of several sites by the hour, in which one site changes in a known way at a known time."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from agents.analysis.contract import Contract
from agents.analysis.steady.changes import Change, changes_in

ZONE = "Europe/Berlin"
CONTRACT = Contract.model_validate(
    {
        "name": "readings",
        "time": "at",
        "columns": {
            "at": {"type": "time", "zone": ZONE},
            "site": {"type": "text"},
            "load": {"type": "number", "unit": "MW"},
            "temp": {"type": "number", "unit": "°C"},
            "mode": {"type": "text"},
        },
        "steady": [{"columns": ["load", "temp", "mode"], "by": "site"}],
    }
)


@dataclass(frozen=True, slots=True)
class Planted:
    """The rows, and what is changed in them: column, site, kind, begin and end."""

    rows: pd.DataFrame
    column: str
    site: str
    kind: str
    begin: pd.Timestamp
    end: pd.Timestamp | None

    def is_found_by(self, change: Change) -> bool:
        """Whether the change is the planted one, to two days."""
        near = abs(change.since - self.begin) <= pd.Timedelta(days=2)
        same = (change.kind, change.group) == (self.kind, {"site": self.site})
        same &= (
            change.column == self.column or self.kind == "hours"
        )  # which are those of all columns
        return same and near and (change.until is None) == (self.end is None)


def _multiplied(factor: float) -> Callable[[pd.DataFrame, pd.Series], pd.DataFrame]:
    def spoil(rows: pd.DataFrame, here: pd.Series) -> pd.DataFrame:
        return rows.assign(load=rows["load"].where(~here, rows["load"] * factor))

    return spoil


def _fahrenheit(rows: pd.DataFrame, here: pd.Series) -> pd.DataFrame:
    return rows.assign(temp=rows["temp"].where(~here, rows["temp"] * 1.8 + 32))


def _late(rows: pd.DataFrame, here: pd.Series) -> pd.DataFrame:
    later = rows.assign(at=rows["at"].where(~here, rows["at"] + pd.Timedelta(hours=2)))
    return later.drop_duplicates(["at", "site"], keep="last")


def _missing(rows: pd.DataFrame, here: pd.Series) -> pd.DataFrame:
    lost = here & (np.random.default_rng(1).random(len(rows)) < 0.5)
    return rows.assign(temp=rows["temp"].mask(lost))


def _mode(rows: pd.DataFrame, here: pd.Series) -> pd.DataFrame:
    other = here & (np.random.default_rng(1).random(len(rows)) < 0.5)
    return rows.assign(mode=rows["mode"].mask(other, "manual"))


KINDS: dict[str, tuple[str, str, Callable[[pd.DataFrame, pd.Series], pd.DataFrame]]] = {
    "a third more": ("load", "level", _multiplied(1.35)),
    "kW": ("load", "unit", _multiplied(1_000)),
    "another unit": ("load", "unit", _multiplied(1 / 3.6)),
    "°F": ("temp", "unit", _fahrenheit),
    "two hours late": ("load", "hours", _late),
    "half is missing": ("temp", "missing", _missing),
    "another share": ("mode", "share", _mode),
}


def good(sites: int, days: int, seed: int) -> pd.DataFrame:
    """Load with a profile over the day and the week, weather that is common to all sites, and a mode."""
    rng = np.random.default_rng(seed)
    at = pd.date_range("2025-01-01", periods=24 * days, freq="h", tz="UTC").as_unit("us")
    local = at.tz_convert(ZONE)
    season = 8 * np.sin(2 * np.pi * (local.day_of_year - 110) / 365)
    weather = _wandering(rng, len(at), 0.98, 3)
    frames = []
    for number in range(sites):
        shape = (
            1 + 0.3 * np.sin((local.hour - 8) / 12 * np.pi) + 0.15 * np.cos(local.hour / 6 * np.pi)
        )
        level = (40 + 15 * number) * np.where(local.day_of_week >= 5, 0.8, 1.0)
        noise = np.exp(_wandering(rng, len(at), 0.9, 0.04))
        day = 5 * np.sin((local.hour - 9) / 12 * np.pi)
        temp = 10 + season + weather + day + number + _wandering(rng, len(at), 0.9, 1.0)
        mode = rng.choice(["auto", "manual", "off"], len(at), p=[0.85, 0.1, 0.05])
        columns = {
            "at": at,
            "site": f"s{number}",
            "load": level * shape * noise,
            "temp": temp,
            "mode": mode,
        }
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def _wandering(rng: np.random.Generator, count: int, memory: float, deviation: float) -> np.ndarray:
    """Noise that stays near where it was, of this deviation."""
    steps = pd.Series(rng.normal(0, 1, count)) * np.sqrt(1 - memory**2)
    found: np.ndarray = deviation * steps.ewm(alpha=1 - memory).mean().to_numpy() / (1 - memory)
    return found


def planted(name: str, seed: int, sites: int = 5, days: int = 120) -> Planted:
    """Good rows in which one site has the error of this name: for some weeks, or until the end."""
    rng = np.random.default_rng(seed)
    column, kind, spoil = KINDS[name]
    rows, site = good(sites, days, seed), f"s{rng.integers(sites)}"
    begin = rows["at"].min() + pd.Timedelta(hours=int(rng.integers(30 * 24, 60 * 24)))
    end = begin + pd.Timedelta(days=int(rng.integers(10, 31))) if rng.random() < 0.5 else None
    here = (rows["site"] == site) & (rows["at"] >= begin)
    here &= rows["at"] < end if end is not None else True
    return Planted(spoil(rows, here), column, site, kind, begin, end)


def found(rows: pd.DataFrame, folder: Path) -> list[Change]:
    """The changes of these rows as those of a published file."""
    path = folder / "part.parquet"
    rows.to_parquet(path)
    return [one for one in changes_in(CONTRACT, [path]) if isinstance(one, Change)]
