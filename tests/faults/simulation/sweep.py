"""Runs many schedules one after the other, and prints each violation with the command that repeats it."""

import sys
from collections.abc import Sequence
from typing import Any

from tests.faults.checker import counts_by_kind
from tests.faults.simulation.runner import ScheduleResult, open_simulation
from tests.faults.simulation.schedule import Schedule

REPLAY = "python -m tests.faults --simulate"


def sweep(schedules: Sequence[Schedule], *, stop_early: bool = False) -> dict[str, Any]:
    """Run the schedules and return the counts; `stop_early` stops at the first violation."""
    results: list[ScheduleResult] = []
    if schedules:
        with open_simulation() as simulation:
            for schedule in schedules:
                results.append(simulation.run(schedule))
                for violation in results[-1].violations:
                    sys.stdout.write(f"{REPLAY} {schedule.name}: {violation}\n")
                if stop_early and results[-1].violations:
                    break
    failed = [one.name for one in results if one.violations]
    return {
        "schedules": len(results),
        "simulated_kills": sum(one.kills for one in results),
        "simulated_stops": sum(one.freezes for one in results),
        "violations": len(failed),
        "replay": [f"{REPLAY} {name}" for name in failed],
        **counts_by_kind([violation for one in results for violation in one.violations]),
    }
