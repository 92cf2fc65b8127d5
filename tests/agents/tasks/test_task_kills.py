"""Processes are killed while they accept, run, end and cancel tasks: each task ends, in order, once."""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

import pytest

from agents.runtime.context import open_runtime
from agents.runtime.journal.schema import history, items
from agents.runtime.settings import PREFIX, settings
from tests.agents.runtime.jobs import rows
from tests.agents.tasks.conftest import Written
from tests.agents.tasks.running import words

pytestmark = [pytest.mark.usefixtures("environment"), pytest.mark.slow]
LEASE = 2
GRAPH: dict[str, list[str]] = {
    "a": [],
    "b": ["a"],
    "bad": ["a"],
    "c": ["b"],
    "lost": ["bad", "c"],
    "gone": ["lost"],
    "d": ["b", "c"],
    "e": ["d"],
}
ENDS = dict.fromkeys("abcde", "done") | {
    "bad": "failed",
    "lost": "cancelled",
    "gone": "cancelled",
}
# In the order in which a run comes to them, so that each process gets further than the one before.
FEW = [("ended", 2)]
ALL = [
    *[("accepting", 1), ("accepted", 1), ("claimed", 1), ("called:run_task", 1), ("ending", 1)],
    *[("ended", 1), ("claimed", 2), ("called:run_task", 2), ("ended", 2), ("ending", 3)],
    *[("ending", 1), ("ended", 1), ("ended", 3)],
]


def run(file: str, point: str = "", hit: int = 0) -> int:
    """The exit status of a process that runs the workflow."""
    program = [sys.executable, "-m", "tests.agents.tasks.child", file, point, str(hit)]
    return subprocess.run(program, check=False, capture_output=True, timeout=300).returncode


@pytest.mark.parametrize(
    "points", [FEW, pytest.param(ALL, marks=pytest.mark.campaign)], ids=["few", "all"]
)
async def test_after_kills_each_task_has_ended_once_and_in_order(
    points: Sequence[tuple[str, int]], written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}LEASE_SECONDS", str(LEASE))
    settings.cache_clear()
    tasks = [{"id": key, "needs": needs} for key, needs in GRAPH.items()]
    file = written({"name": "w", "tasks": tasks})
    killed = sum(run(file, *point) == -signal.SIGKILL for point in points)
    assert killed >= max(1, len(points) - 4)  # what is left may not come so far
    assert run(file) == 0
    assert await words() == ENDS
    async with open_runtime(settings()):
        keys = {row.id: row.key.removeprefix("w/") for row in await rows(items)}
        events = sorted(await rows(history), key=lambda row: (row.at, row.sequence))
    ends = Counter(
        keys[row.item] for row in events if row.event in {"complete", "end_failed", "abandon"}
    )
    assert ends == Counter(dict.fromkeys(GRAPH, 1))
    begun = {keys[row.item]: row.at for row in reversed(events) if row.event == "claim"}
    done = {keys[row.item]: row.at for row in events if row.event == "complete"}
    early = [(key, n) for key in begun for n in GRAPH[key] if done[n] > begun[key]]
    assert early == []
