"""One way of cleaning the readings, in a process of its own: the flow, or the same steps without it.

python -m tests.benchmarks.cleaning (flow|two|direct|pool|plain|polars) --folder F, as `write_readings` leaves it.
`direct` are our own steps without the runtime; `plain` is pandas in one go, rules and all, written
as one would without a contract; `polars` the same.
"""

import argparse
import asyncio
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from agents.analysis.clean_partition import clean_partition
from agents.analysis.collect_partition import collect_partition
from agents.analysis.contract import Contract
from agents.analysis.models import Partition
from agents.runtime.settings import settings
from agents.services.fetching.fetcher import Fetcher
from tests.benchmarks.machine import peak_mb, tell
from tests.benchmarks.readings import CONTRACT

SITES = ["north", "south", "east", "west"]


def flow(folder: Path, at_once: int) -> int:
    """Run the whole flow with this many partitions at once; returns the good rows."""
    from flows.data_analysis import analyse  # noqa: PLC0415 - the memory of cleaning has no Prefect in it

    report = asyncio.run(
        analyse.fn((f"{folder}/part-*.csv",), f"{folder}/contract.yaml", at_once=at_once)
    )
    return report.sources[0].good


def direct(folder: Path) -> int:
    """Call our own steps one after the other, without the runtime."""
    return sum(map(alone, sorted(folder.glob("part-*.csv"))))


def pool(folder: Path) -> int:
    """The same in a Python pool of two processes: the gain that this machine allows."""
    with ProcessPoolExecutor(2, get_context("spawn")) as processes:
        return sum(processes.map(alone, sorted(folder.glob("part-*.csv"))))


def alone(path: Path, by: Contract = CONTRACT) -> int:
    """Collect and clean one partition by this contract; returns its good rows."""
    partition = partition_at(path, "1").model_copy(update={"contract": by})
    collected = asyncio.run(
        collect_partition.function(partition, Fetcher(settings().data / "analysis" / "raw"))
    )
    good: int = clean_partition.function(partition, collected).good
    return good


def partition_at(path: Path, validator: str) -> Partition:
    """The partition of this file; with another validator it is another partition."""
    return Partition(
        study="readings", source="readings", name=path.stem, location=str(path),
        validator=validator, contract=CONTRACT,
    )  # fmt: skip


def plain(folder: Path) -> int:
    """Clean with pandas alone."""
    good = 0
    place = settings().data
    place.mkdir(parents=True)
    for path in sorted(folder.glob("part-*.csv")):
        cells = pd.read_csv(path, dtype="string", engine="pyarrow")
        rows = pd.DataFrame(
            {
                "id": pd.to_numeric(cells["id"], errors="coerce").astype("Int64"),
                "at": pd.to_datetime(cells["at"], errors="coerce", format="ISO8601", utc=True),
                "site": cells["site"],
                "value": pd.to_numeric(cells["value"], errors="coerce"),
                "weight": pd.to_numeric(cells["weight"], errors="coerce"),
            }
        )
        rows["weight"] = rows["weight"].where(rows["weight"].between(0, 1))
        bad = rows[["id", "at", "value"]].isna().any(axis=1) | ~rows["site"].isin(SITES)
        bad |= ~rows["value"].between(-50, 60)
        kept = rows[~bad].drop_duplicates().drop_duplicates("id")
        kept.to_parquet(place / f"{path.stem}.parquet", compression="zstd", index=False)
        cells[bad].to_json(place / f"{path.stem}.jsonl", orient="records", lines=True)
        good += len(kept)
    return good


def polars(folder: Path) -> int:
    """Clean with Polars, which uses all cores."""
    import polars as pl  # noqa: PLC0415 - a peer, measured where it is installed

    good = 0
    place = settings().data
    place.mkdir(parents=True)
    for path in sorted(folder.glob("part-*.csv")):
        cells = pl.read_csv(path, infer_schema=False)
        weight = pl.col("weight").cast(pl.Float64, strict=False)
        rows = cells.with_columns(
            pl.col("id").cast(pl.Int64, strict=False),
            pl.col("at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC", strict=False),
            pl.col("value").cast(pl.Float64, strict=False),
            pl.when(weight.is_between(0, 1)).then(weight).alias("weight"),
        )
        ok = rows.select(
            pl.all_horizontal(pl.col("id", "at", "value").is_not_null())
            & pl.col("site").is_in(SITES)
            & pl.col("value").is_between(-50, 60).fill_null(value=False)
        ).to_series()
        kept = rows.filter(ok).unique(maintain_order=True).unique("id", maintain_order=True)
        kept.write_parquet(place / f"{path.stem}.parquet", compression="zstd")
        cells.filter(~ok).write_ndjson(place / f"{path.stem}.jsonl")
        good += len(kept)
    return good


BARE = {"direct": direct, "pool": pool, "plain": plain, "polars": polars}


def main() -> None:
    """Clean once and print time and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=("flow", "two", *BARE))
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    begun = time.monotonic()
    if given.way in {"flow", "two"}:
        good = flow(given.folder, 1 if given.way == "flow" else 2)
    else:
        good = BARE[given.way](given.folder)
    seconds = time.monotonic() - begun
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    tell({"seconds": seconds, "good": good, "peak_mb": max(peak_mb(), children)})


if __name__ == "__main__":
    main()
