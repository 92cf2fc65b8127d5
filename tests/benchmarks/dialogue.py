"""The cost of orchestration in a conversation, beside LangGraph with its SQLite checkpointer.

python -m tests.benchmarks.dialogue [--turns N] [--real N] [--rounds N]; the last line is one JSON
object. LangGraph is there where `uv sync --group peers` has installed it. The sentences of the real
agents repeat, so that the runtime is measured and not a model; `file_s` are the seconds of the command for a
file of 500 different turns.
"""

import argparse
import os
from typing import Any

from tests.benchmarks.machine import middle, tell
from tests.benchmarks.messaging import ratio
from tests.benchmarks.orchestration import bench

GRAPH_SAMPLE = 500


def compared(seconds: dict[str, list[float]], turns: int, real: int) -> dict[str, Any]:
    """Turns in a second of each engine, and the ratio of ours to theirs."""
    sample = min(turns, GRAPH_SAMPLE)
    ours = [turns / s for s in seconds["ours"]]
    theirs = [sample / s for s in seconds["langgraph"]]
    real_ours = [real / s for s in seconds["real_ours"]]
    real_theirs = [real / s for s in seconds["real_langgraph"]]
    shares = [
        1 - bare / whole
        for bare, whole in zip(seconds["real_bare"], seconds["real_ours"], strict=True)
    ]
    return {
        "trivial_turns_per_s": middle(ours),
        "trivial_langgraph_turns_per_s": middle(theirs),
        "trivial_times_langgraph": ratio(ours, theirs),
        "real_turns_per_s": middle(real_ours),
        "real_langgraph_turns_per_s": middle(real_theirs),
        "real_times_langgraph": ratio(real_ours, real_theirs),
        "share_of_orchestration": middle(shares),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=5_000)
    parser.add_argument("--real", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    options = ("--turns", given.turns, "--real", given.real, "--rounds", given.rounds)
    with bench() as here:
        answer = compared(here.ask("conversing", *options), given.turns, given.real)
        answer |= here.ask("turns_file")
    tell(answer | {"load": round(os.getloadavg()[0], 1)})
