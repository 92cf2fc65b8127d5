"""The cost of data analysis beside its bare steps, plain pandas and Polars; the gain of a second process.

python -m tests.benchmarks.analysis [--rows N] [--rounds N] [--requests N] [--large N]; the last line is one JSON
object. `--large` are the rows of one large file, which is cleaned beside one of a tenth of them; with `--only-large`
nothing else is measured. Every way is measured at all rows and at a tenth of them: what they differ by has no start in
it, which is the interpreter and its imports once more for the processes that clean.
"""

import argparse
import os
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.machine import ask, tell
from tests.benchmarks.readings import PARTS, write_readings

WAYS = ("direct", "flow", "two", "pool", "plain", "polars")
PLACES = (32, 48, 64)  # requests that a host answers at once
Figures = dict[str, float]
Round = dict[str, tuple[Figures, Figures]]  # by way of cleaning: a tenth of the rows, and all


def one_round(few: Path, every: Path) -> Round:
    """Seconds, good rows and peak memory of each way on the same files, the ways in turn."""
    return {way: (cleaned(way, few), cleaned(way, every)) for way in WAYS}


def cleaned(way: str, files: Path) -> Figures:
    """The same figures of one way on these files."""
    return asked("cleaning", way, "--folder", files)


def asked(module: str, *arguments: object) -> Figures:
    """The answer of a module that runs with a data folder of its own."""
    with tempfile.TemporaryDirectory() as data:
        here = {"AGENT_FLOWS_DATA": f"{data}/data", "AGENT_FLOWS_CONCURRENCY": "local"}
        return ask(module, *arguments, environment=here)


def times(rounds: list[Round], way: str, other: str) -> float:
    """The ratio of the times of two ways, without their start: the median of the rounds.

    What a round compares has been measured one right after the other: the machine's own pace, which
    changes by the minute, is the same for both.
    """
    return median(beyond_start(*one[way]) / beyond_start(*one[other]) for one in rounds)


def beyond_start(few: Figures, every: Figures) -> float:
    """Seconds for nine tenths of the rows."""
    return every["seconds"] - few["seconds"]


def main() -> None:
    """Measure and print the answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--large", type=int, default=26_000_000)
    parser.add_argument("--only-large", action="store_true")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    if given.only_large:
        tell({"cores": os.cpu_count(), "load_before": round(load, 2), "large": larger(given.large)})
        return
    with tempfile.TemporaryDirectory() as name:
        few = write_readings(Path(name) / "few", given.rows // 10)
        every = write_readings(Path(name) / "all", given.rows)
        rounds = [one_round(few, every) for _ in range(given.rounds)]
        children = [asked("children", "--folder", every)["times"] for _ in rounds]
    fans = {n: [fanned(n, given.requests) for _ in rounds] for n in PLACES}
    whole = {way: [one[way][1] for one in rounds] for way in WAYS}
    seconds = {way: median(one["seconds"] for one in some) for way, some in whole.items()}
    tell(
        {
            "cores": os.cpu_count(),
            "load_before": round(load, 2),
            "rows": given.rows,
            "parts": PARTS,
            "rows_per_s": {way: round(given.rows / t) for way, t in seconds.items()},
            "peak_mb": {way: round(max(o["peak_mb"] for o in some)) for way, some in whole.items()},
            "good": {way: int(some[0]["good"]) for way, some in whole.items()},
            "overhead_with_start": round(seconds["flow"] / seconds["direct"] - 1, 3),
            "overhead_of_orchestration": round(times(rounds, "flow", "direct") - 1, 3),
            "child_times_home": round(median(children), 3),
            "speed_up_on_two": round(times(rounds, "flow", "two"), 2),
            "bare_speed_up_on_two": round(times(rounds, "direct", "pool"), 2),
            **fanning(fans),
            "large": larger(given.large),
        }
    )


def larger(rows: int) -> list[dict[str, int]]:
    """Size, pace and peak of memory of a file of a tenth of the rows, and of one of all."""
    return [large(rows // 10), large(rows)]


def large(rows: int) -> dict[str, int]:
    """The same figures of one file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "large.csv"
        written = asked("large_file", file, "--write", rows)
        found = asked("large_file", file)
    return {
        "mb": round(written["mb"]),
        "rows": rows,
        "rows_per_s": round(rows / found["seconds"]),
        "peak_mb": round(found["peak_mb"]),
    }


def fanned(places: int, requests: int) -> dict[str, Any]:
    """Seconds for these requests to a host that answers this many at once."""
    return ask("fanning", f"--places={places}", f"--requests={requests}", environment={})


def fanning(fans: dict[int, list[dict[str, Any]]]) -> dict[str, Any]:
    """The ratio of our time to the time that the host needs, by the size of the host."""
    return {
        f"{way}_times_cap_of_{places}": round(median(one[way] / one["cap"] for one in some), 3)
        for places, some in fans.items()
        for way in ("ours", "bare")
    }


if __name__ == "__main__":
    main()
