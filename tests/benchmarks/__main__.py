"""The whole table of orchestration, beside its lower bounds and its peers, written to RESULTS.md.

python -m tests.benchmarks [--orders N] [--rounds N]; contenders take turns within one run. Counts that do
not depend on the machine are tests: `tests/agents/runtime/execution/test_scale.py`.
"""

import argparse
import os
import platform
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.machine import tell
from tests.benchmarks.messaging import bus, idle, queue
from tests.benchmarks.orchestration import Bench, alone, bench, memory, real

RESULTS = Path(__file__).parent / "RESULTS.md"
BEGINS, ENDS = "<!-- measured -->\n", "<!-- end -->\n"
PARTS = {"alone": alone, "memory": memory, "idle": idle, "queue": queue, "bus": bus, "real": real}


def measured(here: Bench, orders: int, rounds: int) -> dict[str, Any]:
    """The figures of every part."""
    figures: dict[str, Any] = {}
    for part in PARTS.values():
        figures |= part(here, orders, rounds)
    return figures


def table(figures: Mapping[str, Any], ran: str) -> str:
    """The figures as a table: names as the benchmarks print them."""
    rows = "".join(f"| {name} | {value} |\n" for name, value in flat(figures))
    return f"{ran}\n\n| figure | value |\n| --- | --- |\n{rows}"


def flat(figures: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, object]]:
    """Every figure, with the names that lead to it."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{under}{name}, ")
        else:
            yield f"{under}{name}".replace("_", " "), value


def written(before: str, text: str) -> str:
    """The page with the measured part replaced. Raises ValueError if the page has none."""
    head, _, rest = before.partition(BEGINS)
    _, found, tail = rest.partition(ENDS)
    if not found:
        raise ValueError("the page has no measured part")
    return f"{head}{BEGINS}{text}{ENDS}{tail}"


def main(orders: int, rounds: int) -> None:
    """Measure, write the page, and print the figures as one JSON object."""
    load = os.getloadavg()[0]
    with bench() as here:
        figures = measured(here, orders, rounds)
    day = datetime.now(UTC).date().isoformat()
    cores = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    ran = f"{day}, {orders:,} orders, {rounds} rounds, {cores}, load {load:.1f} before it."
    page = RESULTS.read_text(encoding="utf-8")
    RESULTS.write_text(written(page, table(figures, ran)), encoding="utf-8")
    tell(figures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    main(given.orders, given.rounds)
