"""The whole table of orchestration, beside its lower bounds and its peers, written to RESULTS.md.

python -m tests.benchmarks [--orders N] [--rounds N] [--large] [--only ROW ...] [--page FILE]

Contenders take turns within one run. Each row is kept beside the page as soon as it is measured: a row that
fails loses no other, and `--only` measures some of them again. Counts that do not depend on the machine are
tests: `tests/agents/runtime/execution/test_scale.py`.
"""

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import Figure
from tests.benchmarks.machine import tell
from tests.benchmarks.page import table, written
from tests.benchmarks.plots import draw
from tests.benchmarks.rows import ROWS, Size

RESULTS = Path(__file__).parent / "RESULTS.md"

LARGE = {"million"}
"""Rows that take many minutes."""

Rows = dict[str, dict[str, Any]]


class Kept:
    """The rows of a page, in a file beside it."""

    def __init__(self, page: Path) -> None:
        self._page, self._file = page, page.with_suffix(".json")
        known: Rows = json.loads(self._file.read_text("utf-8")) if self._file.exists() else {}
        self.rows = known

    def keep(self, name: str, row: dict[str, Any]) -> None:
        """Replace a row, and write the page and its picture."""
        found = self.rows | {name: row}
        self.rows = {one: found[one] for one in ROWS if one in found}
        self._file.write_text(json.dumps(self.rows, indent=1) + "\n", "utf-8")
        picture = self._page.with_suffix(".svg")
        draw(picture, self.rows)
        text = table(self.rows, picture.name)
        self._page.write_text(written(self._page.read_text("utf-8"), text), "utf-8")


def measured(row: Callable[[Size], Sequence[Figure]], size: Size) -> dict[str, Any]:
    """The row with its figures, or with how it failed; and when, how long and at what load."""
    begun, load = time.monotonic(), os.getloadavg()[0]
    kept: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "orders": size.orders,
        "load": round(load, 1),
    }
    try:
        kept["figures"] = [figure.as_json() for figure in row(size)]
    except Exception as error:  # noqa: BLE001 - the other rows are measured
        traceback.print_exc()
        kept["failed"] = f"{type(error).__name__}: {str(error).strip().splitlines()[-1:]}"
    return kept | {"seconds": round(time.monotonic() - begun)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the page, and print the rows as one JSON object; 1 if a row has failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", action="store_true", help="a million orders as well")
    parser.add_argument("--only", nargs="+", choices=ROWS)
    parser.add_argument("--page", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    size, kept = Size(given.orders, given.rounds), Kept(given.page)
    usual = [name for name in ROWS if given.large or name not in LARGE]
    names: list[str] = given.only or usual
    for name in names:
        row = measured(ROWS[name], size)
        kept.keep(name, row)
        sys.stderr.write(f"{name}: {row['seconds']} s, {row.get('failed', 'measured')}\n")
    tell({name: kept.rows[name] for name in names})
    return int(any("failed" in kept.rows[name] for name in names))


if __name__ == "__main__":
    sys.exit(main())
