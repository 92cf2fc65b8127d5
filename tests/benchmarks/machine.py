"""Measurements on one machine: child processes that answer in one line, their memory, the load."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CHILD_SECONDS = 1_800


def ask(module: str, *arguments: object, environment: Mapping[str, str]) -> dict[str, Any]:
    """Run a module of this folder in a process of its own; its last line is its answer."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=CHILD_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{module} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def tell(answer: Mapping[str, Any]) -> None:
    """Print the one JSON object that a benchmark ends with."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def peak_mb() -> float:
    """The peak memory of this process in MB.

    Linux counts `ru_maxrss` over an exec, so a child would inherit the peak of its parent.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def size_of(database: Path) -> int:
    """Bytes of a SQLite file with what is not yet in it."""
    files = [database, database.with_name(f"{database.name}-wal")]
    return sum(file.stat().st_size for file in files if file.exists())


def middle(values: list[float]) -> float:
    """The median, rounded to meaningful digits."""
    return round(median(values), 3)
