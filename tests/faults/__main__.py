"""`python -m tests.faults`: inject faults into runs, let other runs finish the work, check the result.

Without an option, kill a run once at each fail point. The last line is one JSON object with the counts;
the exit status is 1 if an invariant was violated or a mutant survived.
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
from tests.faults.campaign import CellResult, Plan, run_campaign
from tests.faults.cells import (
    Cell,
    across_releases,
    alone,
    cancelled,
    paired,
    parse_cell,
    queued,
)
from tests.faults.mutation import mutants, run_mutant
from tests.faults.return_workload import new_returns
from tests.faults.simulation.runner import open_simulation
from tests.faults.simulation.schedule import failing_calls, schedule_named, schedule_of
from tests.faults.simulation.sweep import sweep
from tests.faults.study_workload import new_study
from tests.faults.summary import summary
from tests.faults.task_workload import new_tasks

ZOMBIES = (
    "intended:capture_payment@1",
    "called:capture_payment@1",
    "request@1",
    "ending@1/ending@3",
)
QUICK_SCHEDULES = 1_000
QUICK_MUTANTS = ("fence-dropped", "unknown-presumed-absent")


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    add = parser.add_argument
    add(
        "--quick",
        action="store_true",
        help="1,000 schedules, each point once, two mutants: minutes",
    )
    add("--kills", type=int, default=0, help="random kills until N processes died; all mutants")
    add("--no-mutants", action="store_true", help="run no mutants")
    add("--seed", type=int, default=1, help="seed of random moments; the first simulated schedule")
    add("--lease", type=float, default=1.0, help="seconds; 15 in production")
    add("--journal", choices=("sqlite", "postgresql"), default="sqlite")
    add(
        "--at-once",
        type=int,
        default=6,
        help="cells at the same time; most of them wait for leases",
    )
    history = ROOT / ".agent-flows" / "faults" / "history.jsonl"
    add("--history", type=Path, default=history, help="file that gets one line per cell")
    _add_schedules(parser)
    _add_cells(parser)
    return parser.parse_args(given)


def _add_schedules(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--schedules", type=int, default=0, help="simulate N schedules, from --seed on")
    add(
        "--every-call",
        action="store_true",
        help="simulate a failure of each n-th call, in three ways",
    )
    add("--stop-early", action="store_true", help="simulate no schedule after the first violation")
    add(
        "--simulate",
        metavar="NAME",
        help="repeat one schedule, such as 176 or cut:17, with its trace",
    )


def _add_cells(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--points", action="store_true", help="kill at each point alone: hit 1, 2 and last")
    add("--pairs", type=int, default=0, help="N cells with two kills")
    add("--random", type=int, default=0, help="N cells with kills at random moments")
    add(
        "--parallel",
        type=int,
        default=0,
        help="N cells with such kills while another run is at work",
    )
    add("--queue", type=int, default=0, help="kill consumers: at each point, and N random cells")
    add(
        "--cancels",
        action="store_true",
        help="cancel all orders after a kill or before a late call",
    )
    add("--releases", action="store_true", help="another release finishes, in both directions")
    add("--zombies", type=int, default=0, help="each kind of zombie N times")
    add("--cell", action="append", default=[], help="one cell, such as called:capture_payment@1")
    add("--study", action="store_true", help="run data analysis instead of orders")
    add("--returns", action="store_true", help="run returns of orders that were shipped before")
    add("--tasks", action="store_true", help="run tasks that take resources instead of orders")
    add("--runs", type=int, default=1, help="repeat points and cells N times")


def chosen(options: argparse.Namespace, hits: dict[str, int]) -> list[Cell]:
    """Return the cells of the options; without any, each point at its first hit."""
    cells = [parse_cell(spec) for spec in options.cell] * options.runs
    if options.points:
        cells += alone(hits) * options.runs
    cells += paired(hits, Random(options.seed), options.pairs)
    cells += [Cell("random", number=number) for number in range(options.random)]
    cells += [Cell("parallel", number=number) for number in range(options.parallel)]
    cells += cancelled(hits) * options.runs if options.cancels else []
    cells += queued(hits, options.queue) if options.queue else []
    cells += across_releases(hits) if options.releases else []
    cells += [parse_cell(f"zombie={spec}") for spec in ZOMBIES] * options.zombies
    simulates = (options.schedules or options.every_call) and not options.quick
    has_other_work = options.kills or simulates
    return cells or ([] if has_other_work else [Cell("kill", ((n, 1),)) for n in sorted(hits)])


def main() -> int:
    """Run what the options ask for; print every violation, and last the counts."""
    options = arguments()
    if options.simulate is not None:
        return _replay(options.simulate)
    schedules = options.schedules or QUICK_SCHEDULES * options.quick
    seeds = range(options.seed, options.seed + schedules)
    wanted = [schedule_of(seed) for seed in seeds] + list(failing_calls()) * options.every_call
    simulated = sweep(wanted, stop_early=options.stop_early)
    counts = _run_cells(options)
    for name, count in simulated.items():
        counts[name] = counts[name] + count if name in counts else count
    counts |= _run_mutants(options)
    sys.stdout.write(json.dumps(counts) + "\n")
    return int(bool(counts["violations"]) or counts["mutants_caught"] < counts["mutants"])


def _replay(name: str) -> int:
    with open_simulation() as simulation:
        result = simulation.run(schedule_named(name))
    sys.stdout.write("".join(f"{line}\n" for line in result.trace))
    return int(bool(result.violations))


def _run_cells(options: argparse.Namespace) -> dict[str, Any]:
    plan = Plan(options.seed, options.journal, options.at_once, options.history, options.lease)
    if options.study:
        preload, option = ("flows.data_analysis",), " --study"
        plan = replace(plan, new_workload=new_study, preload=preload, option=option)
    if options.tasks:
        preload, option = ("flows.workflow_file",), " --tasks"
        plan = replace(plan, new_workload=new_tasks, preload=preload, option=option)
    if options.returns:
        preload, option = ("tests.faults.returning",), " --returns"
        plan = replace(plan, new_workload=new_returns, preload=preload, option=option)
    results: list[CellResult] = []
    if options.kills or chosen(options, {"any": 1}):
        results = asyncio.run(run_campaign(plan, lambda hits: chosen(options, hits), options.kills))
    for result in results:
        for violation in result.violations:
            sys.stdout.write(f"{result.cell}: {violation}\n")
    return summary(results, plan)


def _run_mutants(options: argparse.Namespace) -> dict[str, int]:
    """Run all mutants after random kills, two with --quick, and none after chosen cells."""
    workload = "study" * options.study + "tasks" * options.tasks + "returns" * options.returns
    wanted = {m.name for m in mutants() if options.kills and m.workload == workload}
    wanted |= set(QUICK_MUTANTS * options.quick)
    caught = []
    for mutant in mutants():
        if mutant.name in wanted and not options.no_mutants:
            result = run_mutant(mutant)
            caught.append(result.caught)
            verdict = "caught" if result.caught else "SURVIVED"
            sys.stdout.write(f"{verdict:9} {mutant.name}: {result.by[:150]}\n")
    return {"mutants": len(caught), "mutants_caught": sum(caught)}


if __name__ == "__main__":
    sys.exit(main())
