"""What traces cost: processor time of the process that takes orders through all steps, without and with them.

    python -m tests.benchmarks.tracing [--block N] [--blocks N]

Blocks of orders take turns in one process, on SQLite and with the sandbox's providers: off, on, on, off.
The collector is a process of its own; that spans are encoded and sent is counted here. `percent` is what
the blocks with traces took more in all, and `spans` are those of an order.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from agents.orders.run import SAMPLE, open_run
from agents.runtime.otlp import OtlpRecorder
from agents.runtime.tracing import Span, flush, record_to
from flows.fulfilment import fulfil
from tests.benchmarks.machine import ROOT, middle, tell

WARM_UP = 2  # blocks


class Counted(OtlpRecorder):
    """Records, and counts the spans."""

    spans = 0

    def record(self, span: Span) -> None:
        """Take a span."""
        self.spans += 1
        super().record(span)


@contextmanager
def collector() -> Iterator[str]:
    """The address of a collector in a process of its own."""
    command = [sys.executable, "-m", "tests.otlp_collector"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        yield child.stdout.readline().strip()
        child.communicate()


async def measure(block: int, blocks: int, recorder: Counted) -> dict[bool, list[float]]:
    """Seconds of processor time of each block, without and with traces."""
    taken: dict[bool, list[float]] = {False: [], True: []}
    async with open_run(SAMPLE, faults="none", stock=None, report=None) as run:
        batches = run.accepted(block)
        for number in range(WARM_UP + blocks):
            is_on = number % 4 in {1, 2}
            record_to(recorder if is_on else None)
            begun = time.process_time()
            await fulfil(await anext(batches))
            if is_on:
                await asyncio.to_thread(flush, 60.0)
            if number >= WARM_UP:
                taken[is_on].append(time.process_time() - begun)
        record_to(None)
        await batches.aclose()  # type: ignore[attr-defined]  # it is a generator
    return taken


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--block", type=int, default=50)
    parser.add_argument("--blocks", type=int, default=16)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, collector() as endpoint:
        os.environ |= {
            "AGENT_FLOWS_DATA": folder,
            "AGENT_FLOWS_LEASE_SECONDS": "120",
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        }
        recorder = Counted()
        taken = asyncio.run(measure(given.block, given.blocks, recorder))
    off, on = (sum(taken[kind]) / len(taken[kind]) / given.block for kind in (False, True))
    with_traces = len(taken[True]) + 1  # one block of the warm-up
    tell(
        {
            "off_us": round(off * 1e6),
            "on_us": round(on * 1e6),
            "percent": round(100 * (on / off - 1), 2),
            "median_percent": round(100 * (middle(taken[True]) / middle(taken[False]) - 1), 2),
            "spans": round(recorder.spans / with_traces / given.block, 1),
        }
    )


if __name__ == "__main__":
    main()
