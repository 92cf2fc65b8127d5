"""The cost of a call in a process of its own: each partition is cleaned here and in a child, in turn.

python -m tests.benchmarks.children --folder F, as `write_readings` leaves it; the last line is one
JSON object. Both are measured within seconds of each other, so the machine's pace is the same.
"""

import argparse
import asyncio
import time
from pathlib import Path
from statistics import median

from agents.analysis.clean_partition import clean_partition
from agents.analysis.collect_partition import collect_partition
from agents.analysis.models import Partition
from agents.runtime.process_pool import PooledCall, ProcessPool
from agents.runtime.settings import settings
from agents.services.fetching.fetcher import Fetcher
from tests.benchmarks.cleaning import partition_at
from tests.benchmarks.machine import tell


async def times(paths: list[Path]) -> list[float]:
    """The ratio of the child's time to ours, for each partition; the first one warms up."""
    processes, ratios = ProcessPool(1), list[float]()
    try:
        for path in paths:
            at_home = await _at_home(partition_at(path, "home"))
            ratios.append(await _in_child(processes, partition_at(path, "child")) / at_home)
    finally:
        await processes.close()
    return ratios[1:]


async def _at_home(partition: Partition) -> float:
    collected = await collect_partition.function(
        partition, Fetcher(settings().data / "analysis" / "raw")
    )
    begun = time.monotonic()
    clean_partition.function(partition, collected)
    return time.monotonic() - begun


async def _in_child(processes: ProcessPool, partition: Partition) -> float:
    collected = await collect_partition.function(
        partition, Fetcher(settings().data / "analysis" / "raw")
    )
    async with processes.slot(lambda: [clean_partition.module]):
        begun = time.monotonic()
        arguments = clean_partition.packed([partition, collected])
        await processes.run(
            PooledCall(clean_partition.module, clean_partition.name, None, arguments)
        )
        return time.monotonic() - begun


def main() -> None:
    """Measure and print the answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    paths = sorted(parser.parse_args().folder.glob("part-*.csv"))
    tell({"times": median(asyncio.run(times(paths)))})


if __name__ == "__main__":
    main()
