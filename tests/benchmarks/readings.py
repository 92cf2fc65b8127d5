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
        at = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(np.arange(each), unit="s")
        frame = pd.DataFrame(
            {
                "id": np.arange(part * each, (part + 1) * each),
                "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "site": rng.choice(["north", "south", "east", "west"], each),
                "value": rng.normal(15, 5, each).round(2).astype(str),
                "weight": rng.uniform(0, 1, each).round(3),
            }
        )
        spoilt = rng.random((3, each)) < BAD
        frame.loc[spoilt[0], "value"] = "1,5"
        frame.loc[spoilt[1], "site"] = "nowhere"
        frame.loc[spoilt[2], "weight"] = 7.0
        frame.to_csv(place / f"part-{part}.csv", index=False)
    contract = json.dumps(CONTRACT.model_dump(mode="json"))
    (place / "contract.yaml").write_text(contract, encoding="utf-8")
    return place
