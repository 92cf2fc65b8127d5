"""Sensor readings as CSV, some wrong in declared ways, to measure cleaning."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from agents.analysis.column import Column
from agents.analysis.contract import Contract

PARTS = 10
BAD = 0.01  # share of the rows that is wrong, in each of three ways
SEED = 11
AT_ONCE, REPEATED = 500_000, 0.001

CONTRACT = Contract(
    name="readings",
    time="at",
    key=("id",),
    unknown="freeze",
    columns={
        "id": Column(type="integer", required=True),
        "at": Column(type="time", required=True),
        "site": Column(type="text", required=True, one_of=("north", "south", "east", "west")),
        "value": Column(type="number", required=True, low=-50, high=60),
        "weight": Column(type="number", low=0, high=1, bad="discard-value"),
    },
)


def write_readings(folder: Path, rows: int) -> Path:
    """Write this many rows to PARTS files beside their contract; returns the folder."""
    place = folder / "readings"
    place.mkdir(parents=True)
    rng = np.random.default_rng(SEED)
    each = rows // PARTS
    for part in range(PARTS):
        readings(part * each, each, rng).to_csv(place / f"part-{part}.csv", index=False)
    contract = json.dumps(CONTRACT.model_dump(mode="json"))
    (place / "contract.yaml").write_text(contract, encoding="utf-8")
    return place


def write_large(path: Path, rows: int) -> None:
    """Write one file; one of a thousand ids is there twice."""
    rng = np.random.default_rng(SEED)
    for begin in range(0, rows, AT_ONCE):
        frame = readings(begin, min(AT_ONCE, rows - begin), rng)
        again = rng.random(len(frame)) < REPEATED
        frame.loc[again, "id"] = rng.integers(0, begin + 1, again.sum())
        frame.to_csv(path, index=False, header=not begin, mode="a")


def readings(begin: int, count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Rows from a number on."""
    at = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(np.arange(count), unit="s")
    frame = pd.DataFrame(
        {
            "id": np.arange(begin, begin + count),
            "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "site": rng.choice(["north", "south", "east", "west"], count),
            "value": rng.normal(15, 5, count).round(2).astype(str),
            "weight": rng.uniform(0, 1, count).round(3),
        }
    )
    spoilt = rng.random((3, count)) < BAD
    frame.loc[spoilt[0], "value"] = "1,5"
    frame.loc[spoilt[1], "site"] = "nowhere"
    frame.loc[spoilt[2], "weight"] = 7.0
    return frame
