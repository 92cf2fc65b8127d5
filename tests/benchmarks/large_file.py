"""Cleaning one large file: rows a second and the peak of memory, which must not grow with the file.

python -m tests.benchmarks.large_file FILE [--write ROWS] [--whole]: with --write, the file is only written; with
--whole, the contract has rules that need the whole partition: a dependency, outliers, outliers by group, gaps. The last
line is one JSON object.
"""

import argparse
import time
from pathlib import Path

from agents.analysis.contract import Contract
from tests.benchmarks.cleaning import alone
from tests.benchmarks.machine import peak_mb, tell
from tests.benchmarks.readings import CONTRACT, write_large


def main() -> None:
    """Write the file, or collect and clean it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--write", type=int, default=0)
    parser.add_argument("--whole", action="store_true")
    given = parser.parse_args()
    if given.write:
        write_large(given.file, given.write)
        tell({"mb": given.file.stat().st_size / 1e6})
        return
    begin, begun = peak_mb(), time.monotonic()
    good = alone(given.file, whole() if given.whole else CONTRACT)
    tell(
        {
            "seconds": time.monotonic() - begun,
            "good": good,
            "start_mb": begin,
            "peak_mb": peak_mb(),
        }
    )


def whole() -> Contract:
    """The contract of the readings with rules that no row breaks or keeps alone.

    Nearly every id is there once: no contract has more groups than rows.
    """
    outliers = {"value": {"outliers": 12}, "weight": {"outliers": 12, "outliers_by": ["site"]}}
    body = CONTRACT.model_dump(mode="json")
    for name, declared in outliers.items():
        body["columns"][name] |= declared
    body["dependencies"] = [{"by": ["id"], "same": ["site"], "severity": "warning"}]
    body["gaps"] = {"every": 1, "by": ["site"]}
    return Contract.model_validate(body)


if __name__ == "__main__":
    main()
