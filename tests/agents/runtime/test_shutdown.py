"""After SIGTERM a process finishes quick items and hands back the rest, without counting a crash."""

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from agents.runtime.context import open_runtime
from agents.runtime.journal.schema import items, owners
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import rows

ROOT = Path(__file__).resolve().parents[3]


def stopped(data: Path, seconds: float) -> tuple[str, float]:
    """The last line of a process that gets SIGTERM while it works, and the seconds until its end."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.agents.runtime.shutdown_child", str(data), str(seconds)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "begun\n"
    begun = time.monotonic()
    child.send_signal(signal.SIGTERM)
    output, _ = child.communicate(timeout=30)
    return output.splitlines()[-1], time.monotonic() - begun


async def remaining(data: Path) -> tuple[Counter[str], set[int], int]:
    async with open_runtime(Settings(data=data)) as opened:
        found = await rows(items)
        others = [row for row in await rows(owners) if row.id != opened.lease.id]
    return Counter(row.state for row in found), {row.crash_count for row in found}, len(others)


@pytest.mark.slow
async def test_a_quick_batch_is_finished_and_no_other_begins(tmp_path: Path) -> None:
    last_line, seconds = stopped(tmp_path, 0.3)
    assert last_line.startswith("stopped on request")
    assert seconds < 5
    states, crash_count, owners_left = await remaining(tmp_path)
    assert states["completed"] % 4 == 0
    assert 4 <= states["completed"] < 40
    assert states.keys() <= {"completed", "pending"}
    assert (crash_count, owners_left) == ({0}, 0)


@pytest.mark.campaign
async def test_a_slow_batch_is_handed_back_within_ten_seconds(tmp_path: Path) -> None:
    last_line, seconds = stopped(tmp_path, 60)
    assert last_line == "cancelled"
    assert seconds < 10
    assert await remaining(tmp_path) == (Counter(pending=4), {0}, 0)
