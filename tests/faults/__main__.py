"""`python -m tests.faults`: kill runs of order processing, let others finish them, judge the result.

The last line is one JSON object with the counts; the exit status is 1 if anything was violated.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from random import Random

from agents.runtime.settings import ROOT
from tests.faults.campaign import Plan, Played, explore, summary
from tests.faults.cells import Cell, alone, cancelled, paired, parse_cell

ZOMBIES = (
    "intended:capture_payment@1",
    "called:capture_payment@1",
    "request@1",
    "ending@1/ending@3",
)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--points", action="store_true", help="each point alone: hit 1, 2, last")
    parser.add_argument("--pairs", type=int, default=0, help="so many pairs of points")
    parser.add_argument("--random", type=int, default=0, help="so many cells of random kills")
    parser.add_argument("--crowds", type=int, default=0, help="the same among living runs")
    parser.add_argument("--cancels", action="store_true", help="points and late calls, cancelled")
    parser.add_argument("--zombies", type=int, default=0, help="each kind of zombie so often")
    parser.add_argument(
        "--cell", action="append", default=[], help="this cell, as history names it"
    )
    parser.add_argument("--runs", type=int, default=1, help="repeat points and cells so often")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--journal", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument(
        "--at-once", type=int, default=6, help="cells at once; most wait for leases"
    )
    history = ROOT / ".agent-flows" / "faults" / "history.jsonl"
    parser.add_argument("--history", type=Path, default=history)
    return parser.parse_args()


def chosen(asked: argparse.Namespace, hits: dict[str, int]) -> list[Cell]:
    """The cells that were asked for; with nothing asked, each point at its first hit."""
    cells = [parse_cell(spec) for spec in asked.cell] * asked.runs
    if asked.points:
        cells += alone(hits) * asked.runs
    cells += paired(hits, Random(asked.seed), asked.pairs)
    cells += [Cell("random", number=number) for number in range(asked.random)]
    cells += [Cell("crowd", number=number) for number in range(asked.crowds)]
    cells += cancelled(hits) * asked.runs if asked.cancels else []
    cells += [parse_cell(f"zombie={spec}") for spec in ZOMBIES] * asked.zombies
    return cells or [Cell("kill", ((name, 1),)) for name in sorted(hits)]


def main() -> int:
    """Play the cells, tell every breach and then the counts."""
    asked = arguments()
    plan = Plan(asked.seed, asked.journal, asked.at_once, asked.history)
    played: list[Played] = asyncio.run(explore(plan, lambda hits: chosen(asked, hits)))
    for one in played:
        for breach in one.breaches:
            sys.stdout.write(f"{one.cell}: {breach}\n")
    counts = summary(played, plan)
    sys.stdout.write(json.dumps(counts) + "\n")
    return 1 if counts["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
