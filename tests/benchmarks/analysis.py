"""What data analysis costs beside plain pandas and Polars, what a second process and many requests bring.

python -m tests.benchmarks.analysis [--rows N] [--rounds N]; the last line is one JSON object.
"""

import argparse
import os
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.machine import ask, tell
from tests.benchmarks.readings import PARTS, write_readings

WAYS = ("flow", "two", "plain", "polars")


def cleaning(folder: Path, rows: int, rounds: int) -> dict[str, Any]:
    """Rows a second and peak memory of each way over the same files, the ways in turn."""
    files = write_readings(folder, rows)
    told: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way in WAYS:
            data = folder / f"{way}-{number}"
            answer = ask(
                "cleaning",
                way,
                "--folder",
                files,
                environment={"AGENT_FLOWS_DATA": str(data), "AGENT_FLOWS_CONCURRENCY": "local"},
            )
            told[way].append(answer)
    seconds = {way: median(one["seconds"] for one in some) for way, some in told.items()}
    return {
        "rows": rows,
        "parts": PARTS,
        "rows_per_s": {way: round(rows / s) for way, s in seconds.items()},
        "peak_mb": {way: round(max(o["peak_mb"] for o in some)) for way, some in told.items()},
        "overhead_of_orchestration": round(_paired(told, "flow", "plain") - 1, 3),
        "speed_up_on_two": round(1 / _paired(told, "two", "flow"), 2),
        "good": {way: int(some[0]["good"]) for way, some in told.items()},
    }


def _paired(told: dict[str, list[dict[str, float]]], one: str, other: str) -> float:
    """The median over rounds of how much longer one way took than the other."""
    pairs = zip(told[one], told[other], strict=True)
    return median(a["seconds"] / b["seconds"] for a, b in pairs)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        answer = cleaning(folder, given.rows, given.rounds)
        fans = [ask("fanning", environment={}) for _ in range(given.rounds)]
    answer["fan_out_requests"] = int(fans[0]["requests"])
    answer["fan_out_times_cap"] = round(median(f["ours"] / f["cap"] for f in fans), 3)
    answer["bare_httpx_times_cap"] = round(median(f["bare"] / f["cap"] for f in fans), 3)
    tell({"cores": os.cpu_count(), "load_before": round(load, 2), **answer})


if __name__ == "__main__":
    main()
