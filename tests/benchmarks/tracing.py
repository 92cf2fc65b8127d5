"""What traces cost: processor time of the process that takes orders through all steps, without and with them.

    python -m tests.benchmarks.tracing [--batch N] [--block N] [--pairs N]

Batches are of 256 orders, as runs have them unless told otherwise; `--batch 1 --block 16` is an order alone.
Blocks of orders take turns in one process, on SQLite, with the sandbox's providers behind HTTP: one without
traces and one with them, in random order, each after a full garbage collection. What the second takes more is
one measurement: `percent` is the median, and `percent_95` the range that the true median is in with 95 %
certainty. The collector and the sandbox are processes of their own; that spans are encoded and sent counts.

On a machine that does other things as well, only hundreds of pairs tell 2 % from 5 %. `sending_us` is certain
after seconds: the spans of one block are recorded and sent again, which leaves out only how they are made.
"""

import argparse
import asyncio
import gc
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from agents.orders.run import open_run
from agents.runtime.otlp import OtlpRecorder
from agents.runtime.settings import settings
from agents.runtime.tracing import Span, flush, record_to
from agents.services.sandbox.process import stop_sandbox
from flows.fulfilment import fulfil
from tests.benchmarks.machine import ROOT, tell
from tests.benchmarks.real_flow import write_orders

WARM_UP = 2  # pairs
REPEATS = 20


class Kept(OtlpRecorder):
    """Records, and keeps the spans while it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.is_keeping, self.spans = False, list[Span]()

    def record(self, span: Span) -> None:
        """Take a span."""
        if self.is_keeping:
            self.spans.append(span)
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


async def measure(
    folder: Path, batch: int, block: int, pairs: int, recorder: Kept
) -> list[tuple[float, float]]:
    """Microseconds of processor time an order, without and with traces, of each pair of blocks."""
    source, stock = str(folder / "orders.jsonl"), str(folder / "stock.csv")
    drawn, taken = random.Random(1), list[tuple[float, float]]()
    async with open_run(source, faults="none", stock=stock, report=None) as run:
        batches = run.accepted(batch)

        async def block_of(to: Kept | None) -> float:
            record_to(to)
            gc.collect()
            begun = time.process_time()
            for _ in range(block // batch):
                await fulfil(await anext(batches))
            if to is not None:
                await asyncio.to_thread(flush, 60.0)
            return (time.process_time() - begun) / block * 1e6

        for number in range(WARM_UP + pairs):
            recorder.is_keeping = number == 0
            is_on = drawn.random() < 1 / 2
            first = await block_of(recorder if is_on else None)
            second = await block_of(None if is_on else recorder)
            taken.append((second, first) if is_on else (first, second))
        record_to(None)
        await batches.aclose()  # type: ignore[attr-defined]  # it is a generator
    return taken[WARM_UP:]


def send_again(recorder: Kept) -> float:
    """Microseconds of processor time to record and send the kept spans, the median of some times."""
    taken = []
    for _ in range(REPEATS):
        gc.collect()
        begun = time.process_time()
        for span in recorder.spans:
            recorder.record(span)
        recorder.flush()
        taken.append((time.process_time() - begun) * 1e6)
    return median(taken)


def certain(values: list[float]) -> list[float]:
    """The range of the median that is right 95 times in 100: between two of the sorted values."""
    ranked, off_middle = sorted(values), 0.98 * len(values) ** 0.5
    first = max(0, round(len(ranked) / 2 - off_middle) - 1)
    return [ranked[first], ranked[-1 - first]]


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--block", type=int, default=256)
    parser.add_argument("--pairs", type=int, default=16)
    given = parser.parse_args()
    blocks = 2 * (WARM_UP + given.pairs)
    with tempfile.TemporaryDirectory() as folder, collector() as endpoint:
        os.environ |= {
            "AGENT_FLOWS_DATA": folder,
            "AGENT_FLOWS_LEASE_SECONDS": "120",
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        }
        write_orders(Path(folder), blocks * given.block)
        recorder = Kept()
        try:
            taken = asyncio.run(
                measure(Path(folder), given.batch, given.block, given.pairs, recorder)
            )
            sending = send_again(recorder) / given.block
        finally:
            stop_sandbox(settings().data)
    more = [100 * (on / off - 1) for off, on in taken]
    tell(
        {
            "off_us": round(median(off for off, _ in taken)),
            "more_us": round(median(on - off for off, on in taken)),
            "percent": round(median(more), 2),
            "percent_95": [round(one, 2) for one in certain(more)],
            "sending_us": round(sending),
            "spans": round(len(recorder.spans) / given.block, 1),
        }
    )


if __name__ == "__main__":
    main()
