"""A small study whose outcome follows a known rule."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from agents.analysis.column import Column
from agents.analysis.contract import Contract
from agents.analysis.models import Dataset, Part
from agents.analysis.study import History, Join, Source, Study
from agents.analysis.study_store import StudyStore

SALES = Contract(
    name="sales",
    time="at",
    columns={
        "at": Column(type="time", required=True),
        "shop": Column(type="text", known_before=True),
        "price": Column(type="number", known_before=True),
        "sold": Column(type="number", unit="pieces"),
        "minutes": Column(type="number"),
    },
)
SUN = Contract(
    name="sun",
    time="at",
    columns={
        "at": Column(type="time"),
        "shop": Column(type="text"),
        "light": Column(type="number"),
    },
)


def study(name: str = "toy") -> Study:
    return Study(
        name=name,
        sources=(
            Source(contract=SALES, locations=("sales.csv",)),
            Source(contract=SUN, locations=("sun.csv",)),
        ),
        target="sold",
        joins=(Join(source="sun", by=("shop",), hours=1, columns=("light",)),),
        history=History(by=("shop",), known_after="minutes", span=2),
    )


def sales(days: int = 40, seed: int = 3, steep: float = 1.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two shops by the hour: sold = 10 + 3 * light of the hour before - steep * price + noise."""
    rng = np.random.default_rng(seed)
    at = pd.date_range("2025-01-01", periods=24 * days, freq="h", tz="UTC").as_unit("us")
    frames, suns = [], []
    for shop in ("a", "b"):
        light = rng.uniform(0, 10, len(at))
        price = rng.uniform(1, 5, len(at))
        sold = (
            10 + 3 * np.concatenate([[0.0], light[:-1]]) - steep * price + rng.normal(0, 1, len(at))
        )
        columns = {"at": at, "shop": shop, "price": price, "sold": sold, "minutes": 5.0}
        frames.append(pd.DataFrame(columns))
        suns.append(pd.DataFrame({"at": at, "shop": shop, "light": light}))
    return pd.concat(frames, ignore_index=True), pd.concat(suns, ignore_index=True)


def published(study: Study, frames: Sequence[pd.DataFrame]) -> Dataset:
    """Publish the frames as the dataset of the study, one part each."""
    store = StudyStore(study.name)
    parts = []
    for source, frame in zip(study.sources, frames, strict=True):
        path = store.folder / "clean" / f"{source.name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(path, index=False)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        parts.append(
            Part(source=source.name, name="all", file=_within(path, store.folder), rows=len(frame), sha256=digest)
        )  # fmt: skip
    dataset = Dataset(study=study.name, folder=store.folder, parts=tuple(parts))
    store.publish(dataset)
    return dataset


def _within(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
