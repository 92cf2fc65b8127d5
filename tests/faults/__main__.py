"""`python -m tests.faults`: break what runs, let others finish it, judge the result.

Without an option: each point of the source once. The last line is one JSON object with the counts;
the exit status is 1 if anything was violated, or if a mutant survived.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from agents.runtime.settings import ROOT
from tests.faults.campaign import Plan, Played, explore, summary
from tests.faults.cells import (
    Cell,
    across_releases,
    alone,
    cancelled,
    paired,
    parse_cell,
    queued,
)
from tests.faults.sabotage import mutants, sabotage
from tests.faults.simulation.play import open_simulation
from tests.faults.simulation.schedule import nth_calls, schedule_named, schedule_of
from tests.faults.simulation.sweep import sweep
from tests.faults.study import new_study

ZOMBIES = (
    "intended:capture_payment@1",
    "called:capture_payment@1",
    "request@1",
    "ending@1/ending@3",
)
QUICK_SCHEDULES = 1_000
QUICK_MUTANTS = ("fence-dropped", "unknown-presumed-absent")


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="schedules, each point once, two mutants: minutes")
    add("--kills", type=int, default=0, help="random kills until so many happened; all mutants")
    add("--no-mutants", action="store_true", help="leave the mutants out")
    add("--seed", type=int, default=1)
    add("--schedules", type=int, default=0, help="simulate so many schedules, from --seed on")
    add("--every-call", action="store_true", help="simulate: each n-th call of anything fails")
    add("--stop-early", action="store_true", help="no more schedules after the first breach")
    add("--simulate", metavar="NAME", help="one schedule again, a seed or cut:17, with its trace")
    add("--points", action="store_true", help="each point alone: hit 1, 2, last")
    add("--pairs", type=int, default=0, help="so many pairs of points")
    add("--random", type=int, default=0, help="so many cells of random kills")
    add("--crowds", type=int, default=0, help="the same among living runs")
    add("--queue", type=int, default=0, help="points, and so many random kills, of consumers")
    add("--cancels", action="store_true", help="points and late calls, cancelled")
    add("--releases", action="store_true", help="points, finished by another release: both ways")
    add("--zombies", type=int, default=0, help="each kind of zombie so often")
    add("--cell", action="append", default=[], help="this cell, as history names it")
    add("--study", action="store_true", help="runs of data analysis instead of orders")
    add("--runs", type=int, default=1, help="repeat points and cells so often")
    add("--lease", type=float, default=1.0, help="seconds; 15 in production")
    add("--journal", choices=("sqlite", "postgresql"), default="sqlite")
    add("--at-once", type=int, default=6, help="cells at once; most wait for leases")
    history = ROOT / ".agent-flows" / "faults" / "history.jsonl"
    add("--history", type=Path, default=history)
    return parser.parse_args(given)


def chosen(asked: argparse.Namespace, hits: dict[str, int]) -> list[Cell]:
    """The cells that were asked for; with nothing asked, each point at its first hit."""
    cells = [parse_cell(spec) for spec in asked.cell] * asked.runs
    if asked.points:
        cells += alone(hits) * asked.runs
    cells += paired(hits, Random(asked.seed), asked.pairs)
    cells += [Cell("random", number=number) for number in range(asked.random)]
    cells += [Cell("crowd", number=number) for number in range(asked.crowds)]
    cells += cancelled(hits) * asked.runs if asked.cancels else []
    cells += queued(hits, asked.queue) if asked.queue else []
    cells += across_releases(hits) if asked.releases else []
    cells += [parse_cell(f"zombie={spec}") for spec in ZOMBIES] * asked.zombies
    simulated = (asked.schedules or asked.every_call) and not asked.quick
    something_else = asked.kills or simulated
    return cells or ([] if something_else else [Cell("kill", ((n, 1),)) for n in sorted(hits)])


def main() -> int:
    """Do what was asked, tell every breach and then the counts."""
    asked = arguments()
    if asked.simulate is not None:
        return _replay(asked.simulate)
    schedules = asked.schedules or QUICK_SCHEDULES * asked.quick
    seeds = range(asked.seed, asked.seed + schedules)
    wanted = [schedule_of(seed) for seed in seeds] + list(nth_calls()) * asked.every_call
    simulated = sweep(wanted, stop_early=asked.stop_early)
    counts = _played(asked)
    for name, told in simulated.items():
        counts[name] = counts[name] + told if name in counts else told
    counts |= _sabotaged(asked)
    sys.stdout.write(json.dumps(counts) + "\n")
    return int(bool(counts["violations"]) or counts["mutants_caught"] < counts["mutants"])


def _replay(name: str) -> int:
    with open_simulation() as simulation:
        told = simulation.perform(schedule_named(name))
    sys.stdout.write("".join(f"{line}\n" for line in told.trace))
    return int(bool(told.breaches))


def _played(asked: argparse.Namespace) -> dict[str, Any]:
    plan = Plan(asked.seed, asked.journal, asked.at_once, asked.history, asked.lease)
    if asked.study:
        plan = replace(plan, set_scene=new_study, preload=("flows.data_analysis",))
    played: list[Played] = []
    if asked.kills or chosen(asked, {"any": 1}):
        played = asyncio.run(explore(plan, lambda hits: chosen(asked, hits), asked.kills))
    for one in played:
        for breach in one.breaches:
            sys.stdout.write(f"{one.cell}: {breach}\n")
    return summary(played, plan)


def _sabotaged(asked: argparse.Namespace) -> dict[str, int]:
    """The mutants: a few, all, or none, as a campaign of cells of one's own has no need of them."""
    wanted = {m.name for m in mutants() if asked.kills and m.study == asked.study}
    wanted |= set(QUICK_MUTANTS * asked.quick)
    tried = []
    for mutant in mutants():
        if mutant.name in wanted and not asked.no_mutants:
            judged = sabotage(mutant)
            tried.append(judged.caught)
            word = "caught" if judged.caught else "SURVIVED"
            sys.stdout.write(f"{word:9} {mutant.name}: {judged.by[:150]}\n")
    return {"mutants": len(tried), "mutants_caught": sum(tried)}


if __name__ == "__main__":
    sys.exit(main())
