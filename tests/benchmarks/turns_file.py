"""How long a file of different turns takes, with the start of the command: what a user waits for.

python -m tests.benchmarks.turns_file [--turns N]; the last line is one JSON object. The turns are sentences
of the built set, in English and Chinese, five to a conversation; no vector of them is known before.
`file_processor_s` is the time of all processors together, which holds on a busy machine as well.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from agents.support.evaluation.built import sentences
from tests.benchmarks.machine import ROOT, tell

TURNS = 500
LONG = 5
MOST_SECONDS = 1_200


def lines_of(count: int) -> list[str]:
    """So many turns as lines of a file; each says something else, as long as there are sentences."""
    said = sentences()
    step = max(1, len(said) // count)
    return [
        json.dumps(
            {
                "conversation": f"c{n // LONG}",
                "user": f"u{n // LONG}",
                "text": said[n * step % len(said)].text,
            }
        )
        for n in range(count)
    ]


def measured(count: int) -> dict[str, Any]:
    """The seconds of the command, and its turns in a second. Raises RuntimeError if it fails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "turns.jsonl").write_text("\n".join(lines_of(count)), "utf-8")
        files = ("--file", folder / "turns.jsonl", "--out", folder / "replies.jsonl")
        begun, used = time.perf_counter(), _processor_seconds()
        done = subprocess.run(
            [sys.executable, "-m", "flows.customer_service", *map(str, files)],
            cwd=ROOT,
            env={**os.environ, "AGENT_FLOWS_DATA": str(folder / "data")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            check=False,
        )
        seconds = time.perf_counter() - begun
        if done.returncode != 0:
            raise RuntimeError(f"it ended with {done.returncode}:\n{done.stderr[-4000:]}")
        answered = (folder / "replies.jsonl").read_text("utf-8").splitlines()
    return {
        "file_turns": len(answered),
        "file_s": round(seconds, 1),
        "file_processor_s": round(_processor_seconds() - used, 1),
        "file_turns_per_s": round(len(answered) / seconds, 1),
    }


def _processor_seconds() -> float:
    """What the children of this process have used up to now."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=TURNS)
    given = parser.parse_args()
    load = round(os.getloadavg()[0], 1)
    tell({"load": load} | measured(given.turns))
