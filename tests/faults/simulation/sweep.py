"""Many seeds one after the other: every breach told with the command that replays it, then counts."""

import sys
from typing import Any

from tests.faults.judge import sorts
from tests.faults.simulation.play import Told, open_simulation

REPLAY = "python -m tests.faults --simulate"


def sweep(first: int, schedules: int, *, stop_early: bool = False) -> dict[str, Any]:
    """Play so many schedules from the seed `first` on, or stop at the first breach."""
    told: list[Told] = []
    if schedules:
        with open_simulation() as simulation:
            for seed in range(first, first + schedules):
                told.append(simulation.play(seed))
                for breach in told[-1].breaches:
                    sys.stdout.write(f"{REPLAY} {seed}: {breach}\n")
                if stop_early and told[-1].breaches:
                    break
    failed = [one.seed for one in told if one.breaches]
    return {
        "schedules": len(told),
        "simulated_kills": sum(one.kills for one in told),
        "simulated_stops": sum(one.freezes for one in told),
        "violations": len(failed),
        "replay": [f"{REPLAY} {seed}" for seed in failed],
        **sorts([breach for one in told for breach in one.breaches]),
    }
