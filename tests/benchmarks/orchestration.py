"""The cost of orchestration: beside plain Prefect, beside the bare database, and in the real flow.

python -m tests.benchmarks.orchestration --orders N [--rounds N]; the last line is one JSON object.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from prefect.settings import PREFECT_HOME, temporary_settings

import agents.runtime  # noqa: F401 - it sets what a temporary server needs
from tests.benchmarks.machine import ROOT, ask, middle, tell
from tests.benchmarks.real_flow import write_orders
from tests.benchmarks.trivial_steps import BATCH

MORE_REAL_ROUNDS = 2  # HTTP between two processes varies more
MOST_A_ROUND = 10_000
MOST_REAL = 1_000  # orders over HTTP: a round takes as long as all else
PLAIN_SAMPLE = 200
START_SECONDS = 180


class Bench:
    """A temporary Prefect server in a folder of its own, and measurements against it."""

    def __init__(self, folder: Path, url: str, server: int) -> None:
        self.folder, self._url, self._count = folder, url, 0
        self.server = server
        """The process of the server."""

    def ask(self, module: str, *arguments: object, data: Path | None = None) -> dict[str, Any]:
        """Run a measurement in a process of its own, in this data folder or in a new one."""
        if data is None:
            self._count += 1
            data = self.folder / f"data-{self._count}"
        data.mkdir(exist_ok=True)
        begun = time.monotonic()
        answer = ask(
            module,
            *arguments,
            environment={
                "PREFECT_HOME": str(self.folder / "prefect"),
                "PREFECT_API_URL": self._url,
                "AGENT_FLOWS_DATA": str(data),
                "AGENT_FLOWS_CONCURRENCY": "local",
                "AGENT_FLOWS_PROCESSES": "1",
            },
        )
        words = " ".join(map(str, [module, *arguments[:2]]))
        sys.stderr.write(f"{words}: {time.monotonic() - begun:.0f} s, {answer}\n")
        return answer


@contextmanager
def bench() -> Iterator[Bench]:
    """A bench on the disk of the project, since a temporary folder may be in memory."""
    from prefect.server.api.server import (  # noqa: PLC0415 - tests that read figures load this module too
        SubprocessASGIServer,
    )

    parent = ROOT / ".agent-flows"
    parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix="benchmark-") as name:
        folder = Path(name)
        with temporary_settings({PREFECT_HOME: folder / "prefect"}):
            server = SubprocessASGIServer()
            try:
                server.start(START_SECONDS)
                yield Bench(folder, server.api_url, _pid(server.server_process))
            finally:
                server.stop()


def _pid(server: "subprocess.Popen[Any] | None") -> int:
    assert server is not None, "it has started"
    return server.pid


def alone(here: Bench, orders: int, rounds: int) -> dict[str, Any]:
    """Orchestration alone, beside plain Prefect and the lower bound."""
    count, sample = min(orders, MOST_A_ROUND), min(orders, PLAIN_SAMPLE)
    sizes = ("--orders", count, "--sample", sample, "--rounds", rounds)
    paces = here.ask("rounds", *sizes)["paces"]
    ours, floor, plain = (middle(paces[name]) for name in ("ours", "floor", "plain"))
    return {
        "batch_size": BATCH,
        "steps_per_s": ours,
        "plain_prefect_steps_per_s": plain,
        "floor_steps_per_s": floor,
        "times_plain_prefect": round(ours / plain, 1),
        "share_of_floor": round(ours / floor, 3),
    }


def memory(here: Bench, orders: int, _rounds: int) -> dict[str, Any]:
    """Peak memory of the orchestrating process at N and N/10 orders."""
    tenth = here.ask("trivial", "--orders", max(1, orders // 10))
    whole = here.ask("trivial", "--orders", orders)
    return {
        "peak_mb": round(whole["peak_mb"], 1),
        "peak_mb_at_a_tenth": round(tenth["peak_mb"], 1),
        "peak_growth": round(whole["peak_mb"] / tenth["peak_mb"], 3),
        "steps_per_s_at_all_orders": round(whole["steps_per_s"]),
    }


def real(here: Bench, orders: int, rounds: int) -> dict[str, Any]:
    """The share of orchestration in the time of the real flow."""
    count = min(orders, MOST_REAL)
    write_orders(here.folder, count)
    seconds: dict[str, list[float]] = {"alone": [], "flow": []}
    for turn in range(rounds + MORE_REAL_ROUNDS * (rounds > 1)):
        # Each goes first in turn, so that a machine that becomes quieter favours neither.
        for mode in sorted(seconds, reverse=bool(turn % 2)):
            seconds[mode].append(here.ask("real_flow", mode, "--folder", here.folder)["seconds"])
    shares = [1 - a / f for a, f in zip(seconds["alone"], seconds["flow"], strict=True)]
    return {
        "share_of_orchestration": middle(shares),
        "share_at_the_best_of_each": round(1 - min(seconds["alone"]) / min(seconds["flow"]), 4),
        "real_orders": count,
        "real_orders_per_s": round(count / median(seconds["flow"]), 1),
    }


def promoted(here: Bench, orders: int, rounds: int) -> dict[str, Any]:
    """The share that forecasts by a promoted model add to orchestration."""
    return here.ask("promoted", "--orders", min(orders, MOST_A_ROUND), "--rounds", rounds)


PARTS = {"alone": alone, "memory": memory, "real": real, "promoted": promoted}


def main(orders: int, rounds: int, only: str | None = None) -> None:
    """Measure and print the answer."""
    answer: dict[str, Any] = {"orders": orders, "cores": os.cpu_count()}
    answer["load_before"] = round(os.getloadavg()[0], 2)
    with bench() as here:
        for name in [only] if only else PARTS:
            answer |= PARTS[name](here, orders, rounds)
    answer["load_after"] = round(os.getloadavg()[0], 2)
    tell(answer)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=PARTS)
    given = parser.parse_args()
    main(given.orders, given.rounds, given.only)
