"""Our pool of processes beside `anyio.to_process`: what a start and a call cost, and what each does in trouble.

python -m tests.benchmarks.process_calls [--calls N] [--rounds N]; the last line is one JSON object.
Both pools call the same function, as many at once as there are cores, in turns. What is compared is
processor time of the caller and all its processes, which depends little on what else the machine does.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.machine import ask, middle, tell
from tests.benchmarks.process_pools import PLACES, POOLS, Call
from tests.benchmarks.process_work import Order

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
COSTS = ("start_cpu_ms", "call_cpu_ms", "start_ms", "call_ms")
Cost = Mapping[str, float]
Round = Mapping[str, Cost]  # of each pool


def processor_seconds() -> float:
    """What this process, its children and theirs that have ended have used."""
    children = [
        pid
        for thread in Path("/proc/self/task").iterdir()
        for pid in (thread / "children").read_text("ascii").split()
    ]
    return time.process_time() + sum(_used_by(pid) for pid in children)


def _used_by(pid: str) -> float:
    after_name = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return sum(int(ticks) for ticks in after_name[11:15]) / TICKS_A_SECOND


async def costs(pool: str, calls: int) -> Cost:
    """Milliseconds of the first calls at once, which start all processes, and of one call after them."""
    async with POOLS[pool]() as call:
        start_cpu, start = await _timed(call, PLACES)
        calls_cpu, seconds = await _timed(call, calls)
    return {
        "start_cpu_ms": start_cpu * 1_000,
        "call_cpu_ms": calls_cpu / calls * 1_000,
        "start_ms": start * 1_000,
        "call_ms": seconds / calls * 1_000,
    }


async def _timed(call: Call, calls: int) -> tuple[float, float]:
    """Processor seconds and seconds of so many calls, as many at once as the pool takes."""
    places = asyncio.Semaphore(PLACES)

    async def one() -> None:
        async with places:
            await call(Order())

    before, begun = processor_seconds(), time.perf_counter()
    await asyncio.gather(*(one() for _ in range(calls)))
    return processor_seconds() - before, time.perf_counter() - begun


def compared(rounds: Sequence[Round]) -> dict[str, Any]:
    """The middle of each cost, and how many times that of anyio ours is."""
    found: dict[str, Any] = {
        name: {pool: middle([one[pool][name] for one in rounds]) for pool in POOLS}
        for name in COSTS
    }
    for name in COSTS:
        found[name]["times"] = middle([one["ours"][name] / one["anyio"][name] for one in rounds])
    return found


def _asked(pool: str, calls: int) -> Cost:
    return ask("process_calls", "--pool", pool, "--calls", calls, environment={})


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pool", choices=POOLS, help="only call in this pool")
    given = parser.parse_args()
    if given.pool:
        tell(asyncio.run(costs(given.pool, given.calls)))
        return
    load = os.getloadavg()[0]
    rounds = [{pool: _asked(pool, given.calls) for pool in POOLS} for _ in range(given.rounds)]
    tell(
        {
            "cores": os.cpu_count(),
            "load_before": round(load, 2),
            "calls": given.calls,
            "rounds": given.rounds,
            **compared(rounds),
            "facts": {pool: ask("process_facts", pool, environment={}) for pool in POOLS},
        }
    )


if __name__ == "__main__":
    main()
