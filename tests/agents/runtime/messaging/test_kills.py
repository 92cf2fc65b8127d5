"""Killed at any point of publishing, carrying and handling, a process leaves nothing undone or doubled."""

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
    "bus:carried",
    "bus:taken",
    "bus:handling",
    "bus:handled",
    "bus:buried",
    "bus:swept",
]


@pytest.mark.slow
def test_whoever_dies_everything_is_handled_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.agents.runtime.messaging.child", str(tmp_path)]
    done = subprocess.run(
        [*command, *POINTS, "poison"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    played = {told["point"]: told for told in map(json.loads, done.stdout.splitlines())}

    for name in POINTS:
        told = played[name]
        assert (told["end"], told["deaths"]) == (0, 1), (told, done.stderr)
        assert told["echoes"] == list(range(MESSAGES)), told
        assert told["dead"] == [["undecodable", 1]], told
        assert told["replies"] == ['{"total":2}'], told

    poisoned = played["poison"]
    # Redis dies as well and may forget its last second, and so that somebody had taken the message.
    assert poisoned["end"] == 0, poisoned
    assert poisoned["deaths"] >= MOST_DELIVERIES, poisoned
    assert poisoned["dead"] == [["poison", MOST_DELIVERIES], ["undecodable", 1]]
    assert poisoned["echoes"] == list(range(1, MESSAGES)), "the others were handled all the same"


def test_every_point_of_the_bus_is_played() -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "agents/runtime/messaging").glob("*.py")]
    assert {n for text in texts for n in re.findall(r'\bfailpoint\("([^"]+)"\)', text)} == set(
        POINTS
    )
