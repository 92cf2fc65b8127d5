"""Cleaning one large file: rows a second and the peak of memory, which must not grow with the file.

python -m tests.benchmarks.large_file FILE [--write ROWS]: with --write, the file is only written; the last line is
one JSON object.
"""

import argparse
import time
from pathlib import Path

from tests.benchmarks.cleaning import alone
from tests.benchmarks.machine import peak_mb, tell
from tests.benchmarks.readings import write_large


def main() -> None:
    """Write the file, or collect and clean it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--write", type=int, default=0)
    given = parser.parse_args()
    if given.write:
        write_large(given.file, given.write)
        tell({"mb": given.file.stat().st_size / 1e6})
        return
    begin, begun = peak_mb(), time.monotonic()
    good = alone(given.file)
    tell(
        {
            "seconds": time.monotonic() - begun,
            "good": good,
            "start_mb": begin,
            "peak_mb": peak_mb(),
        }
    )


if __name__ == "__main__":
    main()
