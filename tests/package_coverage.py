"""Coverage of each package, each with the same floor: `python -m tests.package_coverage`.

Run it after `uv run pytest --cov`. It prints a line for each package and exits with 1 if one is below.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import orjson
from coverage import Coverage

FLOOR = 85.0  # per cent of the statements of a package


def packages(files: Mapping[str, tuple[int, int]]) -> dict[str, float]:
    """The covered per cent of each package, from covered and all statements of each file."""
    covered, statements = Counter[str](), Counter[str]()
    for path, (hit, total) in files.items():
        package = ".".join(PurePosixPath(path).parent.parts)
        covered[package] += hit
        statements[package] += total
    return {name: 100.0 * covered[name] / total for name, total in statements.items() if total}


def measured() -> dict[str, tuple[int, int]]:
    """Covered and all statements of each file, from the data that coverage has written."""
    coverage = Coverage()
    coverage.load()
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        coverage.json_report(outfile=report.name)
        files = orjson.loads(Path(report.name).read_bytes())["files"]
    counted = {path: found["summary"] for path, found in files.items()}
    return {path: (one["covered_lines"], one["num_statements"]) for path, one in counted.items()}


def main() -> None:
    """Print every package, the least covered first."""
    found = packages(measured())
    for name, percent in sorted(found.items(), key=lambda pair: pair[1]):
        sys.stdout.write(f"{percent:5.1f} % {name}\n")
    below = [name for name, percent in found.items() if percent < FLOOR]
    sys.exit(f"below {FLOOR} %: {', '.join(below)}" if below else 0)


if __name__ == "__main__":
    main()
