# /// script
# requires-python = ">=3.11"
# dependencies = ["dagster==1.13.27"]
# [tool.uv]
# exclude-newer = "2026-11-22T00:00:00Z"
# ///
"""Dagster in process, with an instance on the disk: a job an order, an op an agent.

uv run --script tests/benchmarks/peer_dagster.py FOLDER; asked by lines, see `contending`. It has packages
of its own, since it holds Protocol Buffers at a release that ours do not use. Each op's output and event is
written before the next op begins, by SQLite in its default mode.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dagster import Config, DagsterInstance, job, op

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.benchmarks.contending import serve
from tests.benchmarks.trivial_steps import STEPS, document


class Number(Config):  # type: ignore[misc]  # Dagster is not installed beside ours
    """Which order."""

    number: int


@op(name=STEPS[0])  # type: ignore[untyped-decorator]  # the same
def first(config: Number) -> dict[str, Any]:
    """Begin with the order of this number."""
    return {**asdict(document(config.number)), "trail": [STEPS[0]]}


def _op(name: str) -> Any:
    @op(name=name)  # type: ignore[untyped-decorator]  # the same
    def step(doc: dict[str, Any]) -> dict[str, Any]:
        return {**doc, "trail": [*doc["trail"], name]}

    return step


OPS = [_op(name) for name in STEPS[1:]]


@job  # type: ignore[untyped-decorator]  # the same
def fulfil() -> None:
    """Take an order through all steps."""
    doc = first()
    for step in OPS:
        doc = step(doc)


if __name__ == "__main__":
    instance = DagsterInstance.local_temp(sys.argv[1])

    async def many(numbers: Sequence[int]) -> None:
        """One after the other: its ops are plain functions."""
        for number in numbers:
            given = {"ops": {STEPS[0]: {"config": {"number": number}}}}
            done = fulfil.execute_in_process(run_config=given, instance=instance)
            assert done.output_for_node(STEPS[-1])["trail"] == list(STEPS)

    serve(many)
