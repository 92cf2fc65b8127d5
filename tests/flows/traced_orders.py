"""Processes orders of the sample as the flow does, without a Prefect server.

Called as `python -m tests.flows.traced_orders COUNT`.

The last line is the processor time of this process, in seconds, from the first batch to the last.
"""

import asyncio
import gzip
import sys
import time
from itertools import islice
from pathlib import Path

from agents.orders import sample
from agents.orders.run import open_run
from agents.runtime.settings import settings
from flows.fulfilment import fulfil


def orders(count: int, folder: Path) -> Path:
    """A file with the first orders of the sample."""
    path = folder / "orders.jsonl"
    with gzip.open(sample.ORDERS) as file:
        path.write_bytes(b"".join(islice(file, count)))
    return path


async def process(count: int) -> float:
    """Take the orders through all steps; returns the seconds of processor time that it took."""
    folder = settings().data
    folder.mkdir(parents=True, exist_ok=True)
    source = str(orders(count, folder))
    async with open_run(source, faults="none", stock=None, report=None) as run:
        begun = time.process_time()
        async for batch in run.accepted(128):
            await fulfil(batch)
        return time.process_time() - begun


if __name__ == "__main__":
    taken = asyncio.run(process(int(sys.argv[1])))
    sys.stdout.write(f"{taken}\n")
