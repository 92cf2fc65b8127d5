"""Many seeds one after the other: every breach told with the command that replays it, then counts."""

import sys
from collections.abc import Sequence
from typing import Any

from tests.faults.judge import sorts
from tests.faults.simulation.play import Told, open_simulation
from tests.faults.simulation.schedule import Schedule

REPLAY = "python -m tests.faults --simulate"


def sweep(schedules: Sequence[Schedule], *, stop_early: bool = False) -> dict[str, Any]:
    """Play the schedules, or stop at the first breach."""
    told: list[Told] = []
    if schedules:
        with open_simulation() as simulation:
            for schedule in schedules:
                told.append(simulation.perform(schedule))
                for breach in told[-1].breaches:
                    sys.stdout.write(f"{REPLAY} {schedule.name}: {breach}\n")
                if stop_early and told[-1].breaches:
                    break
    failed = [one.name for one in told if one.breaches]
    return {
        "schedules": len(told),
        "simulated_kills": sum(one.kills for one in told),
        "simulated_stops": sum(one.freezes for one in told),
        "violations": len(failed),
        "replay": [f"{REPLAY} {name}" for name in failed],
        **sorts([breach for one in told for breach in one.breaches]),
    }
