"""What data analysis costs beside its own steps alone, plain pandas and Polars; what a second process brings.

python -m tests.benchmarks.analysis [--rows N] [--rounds N]; the last line is one JSON object. Every way
is measured at all rows and at a tenth of them: what they differ by has no start in it, which is the
interpreter and its imports once more for the processes that clean.
"""

import argparse
import os
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.machine import ask, tell
from tests.benchmarks.readings import PARTS, write_readings

WAYS = ("flow", "two", "direct", "pool", "plain", "polars")
PLACES = (32, 48, 64)  # requests that a host answers at once
Told = dict[str, list[dict[str, float]]]


def cleaning(folder: Path, rows: int, rounds: int) -> Told:
    """Seconds, good rows and peak memory of each way over the same files, the ways in turn."""
    folder.mkdir()
    files = write_readings(folder, rows)
    told: Told = {way: [] for way in WAYS}
    for number in range(rounds):
        for way in WAYS:
            here = {
                "AGENT_FLOWS_DATA": str(folder / f"{way}-{number}"),
                "AGENT_FLOWS_CONCURRENCY": "local",
            }
            told[way].append(ask("cleaning", way, "--folder", files, environment=here))
    return told


def seconds(told: Told) -> dict[str, float]:
    """The median of each way."""
    return {way: median(one["seconds"] for one in some) for way, some in told.items()}


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        few = seconds(cleaning(Path(name) / "few", given.rows // 10, given.rounds))
        told = cleaning(Path(name) / "all", given.rows, given.rounds)
    every, more = seconds(told), {way: t - few[way] for way, t in seconds(told).items()}
    fans = {
        n: [ask("fanning", "--places", n, environment={}) for _ in range(given.rounds)]
        for n in PLACES
    }
    tell(
        {
            "cores": os.cpu_count(),
            "load_before": round(load, 2),
            "rows": given.rows,
            "parts": PARTS,
            "rows_per_s": {way: round(given.rows / t) for way, t in every.items()},
            "peak_mb": {way: round(max(o["peak_mb"] for o in some)) for way, some in told.items()},
            "good": {way: int(some[0]["good"]) for way, some in told.items()},
            "overhead_with_start": round(every["flow"] / every["direct"] - 1, 3),
            "overhead_of_orchestration": round(more["flow"] / more["direct"] - 1, 3),
            "speed_up_on_two": round(more["flow"] / more["two"], 2),
            "bare_speed_up_on_two": round(more["direct"] / more["pool"], 2),
            **fanning(fans),
        }
    )


def fanning(fans: dict[int, list[dict[str, Any]]]) -> dict[str, Any]:
    """How much longer a thousand requests take than a host needs for them that answers so many at once."""
    return {
        f"{way}_times_cap_of_{places}": round(median(one[way] / one["cap"] for one in some), 3)
        for places, some in fans.items()
        for way in ("ours", "bare")
    }


if __name__ == "__main__":
    main()
