"""How well contracts find what is wrong: the hospitals' table of others, and planted errors of every kind.

python -m tests.benchmarks.analysis_quality [--data FOLDER] [--rows N] [--each N]; the last line is one JSON
object. Without the folder with the hospitals' table, only the planted errors are measured, and it says so.
"""

import argparse
import sys
from pathlib import Path

from tests.benchmarks import hospital, planted
from tests.benchmarks.machine import ROOT, tell


def main() -> None:
    """Measure and print the answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "hospital")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--each", type=int, default=100)
    parser.add_argument("--series", type=int, default=40, help="errors of each kind in series")
    given = parser.parse_args()
    answer = {
        "planted": planted.scores(given.rows, given.each),
        "series": planted.scores_of_series(given.series, given.rows // (365 * 24) + 1, 365),
        "hospital": None,
    }
    if given.data.is_dir():
        answer["hospital"] = hospital.scores(hospital.load(given.data))
    else:
        sys.stderr.write(f"{given.data} is not there: the hospitals' table is left out\n")
    tell(answer)


if __name__ == "__main__":
    main()
