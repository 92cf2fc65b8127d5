"""What the start of a command takes beside a bare Prefect flow: in a new home, and a second time.

python -m tests.benchmarks.command_start [--rounds N]; the last line is one JSON object with medians in
seconds. `first` is in a home where nothing was run: a bare flow starts Prefect's temporary server there,
ours the local server, its providers and a journal, for one order. `second` is the same run again: the bare
flow beside a running server, ours beside what the first run left. Each in turn.
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

from agents.services.sandbox.process import stop_sandbox
from tests.benchmarks.machine import tell
from tests.flows.shop import Shop
from tests.prefect_server import ROOT, running_server

HELLO = """
from prefect import flow, task
@task
def greet(): return "hello"
@flow
def hello(): return greet()
hello()
"""
IDLE = "20"  # seconds; the local server of a round ends by itself


def run(home: Path, *command: str, **more: str) -> float:
    """The seconds that a command takes with this home."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "AGENT_FLOWS_"))}
    own = {
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(home / "prefect"),
        "AGENT_FLOWS_DATA": str(home / "data"),
        "AGENT_FLOWS_PREFECT_IDLE_SECONDS": IDLE,
    }
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=kept | own | more, check=True, capture_output=True
    )
    return time.perf_counter() - begun


@contextmanager
def new_home() -> Iterator[Path]:
    """A home where nothing was run."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "data").mkdir()
        yield home
        stop_sandbox(home / "data")


def main() -> None:
    """Measure in turn, so that a busy moment meets all alike."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    seconds: dict[str, list[float]] = {}

    def add(name: str, found: float) -> None:
        seconds.setdefault(name, []).append(found)

    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as server:
        for _ in range(rounds):
            with new_home() as home:
                add("bare_first", run(home, "-c", HELLO))
            with new_home() as home:
                shop = Shop("start", home, home / "data", "")
                files = ("--orders", shop.write(shop.orders(1)), "--stock", shop.stock)
                ours = ("-m", "flows.order_processing", *files)
                add("first", run(home, *ours))
                add("bare_second", run(home, "-c", HELLO, PREFECT_API_URL=server.url))
                add("second", run(home, *ours))
    found = {name: round(median(several), 2) for name, several in seconds.items()}
    ratios = {name: round(found[name] / found[f"bare_{name}"], 2) for name in ("first", "second")}
    tell({"seconds": found, "to_bare": ratios, "rounds": seconds})


if __name__ == "__main__":
    main()
