"""After a crash at any point of publishing, relaying and handling, every message is handled once."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agents.runtime.messaging.subscriber import MOST_DELIVERIES
from agents.runtime.settings import ROOT
from tests.agents.runtime.messaging.child import MESSAGES

POINTS = [
    "bus:committed",
    "bus:published",
    "bus:claimed",
    "bus:handling",
    "bus:handled",
    "bus:dead_lettered",
    "bus:maintained",
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "points",
    [
        ["bus:published", "bus:handling"],
        pytest.param(POINTS, marks=pytest.mark.campaign),
    ],
    ids=len,
)
def test_every_message_is_handled_once_after_a_crash_at_any_point(
    points: list[str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.agents.runtime.messaging.child", str(tmp_path)]
    done = subprocess.run(
        [*command, *points, "poison"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    played = {result["point"]: result for result in map(json.loads, done.stdout.splitlines())}

    for name in points:
        result = played[name]
        assert (result["end"], result["crashes"]) == (0, 1), (result, done.stderr)
        assert result["echoes"] == list(range(MESSAGES)), result
        assert result["dead"] == [["undecodable", 1]], result
        assert result["replies"] == ['{"total":2}'], result

    poisoned = played["poison"]
    # Redis crashes too and may lose its last second, and with it that a process had the message.
    assert poisoned["end"] == 0, poisoned
    assert poisoned["crashes"] >= MOST_DELIVERIES, poisoned
    assert poisoned["dead"] == [["poison", MOST_DELIVERIES], ["undecodable", 1]]
    assert poisoned["echoes"] == list(range(1, MESSAGES)), "all others were handled"


def test_every_fail_point_of_the_bus_is_tested() -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "agents/runtime/messaging").glob("*.py")]
    assert {n for text in texts for n in re.findall(r'\bfailpoint\("([^"]+)"\)', text)} == set(
        POINTS
    )
