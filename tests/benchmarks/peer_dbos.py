"""DBOS as its documents recommend it: a workflow an order, a step an agent, workflows side by side.

python -m tests.benchmarks.peer_dbos --url URL; asked by lines, see `contending`. Each step's outcome is
committed to the database before the next step begins.
"""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from dbos import DBOS

from tests.benchmarks.contending import serve
from tests.benchmarks.trivial_steps import STEPS, document


def _step(name: str) -> Any:
    @DBOS.step(name=name)
    def step(doc: dict[str, Any]) -> dict[str, Any]:
        return {**doc, "trail": [*doc["trail"], name]}

    return step


TASKS = [_step(name) for name in STEPS]


@DBOS.workflow()
def fulfil(doc: dict[str, Any]) -> dict[str, Any]:
    """Take an order through all steps."""
    for step in TASKS:
        doc = step(doc)
    return doc


async def many(numbers: Sequence[int]) -> None:
    """Call the workflow for one order; start one for each of several, and wait for all."""
    docs = [{**asdict(document(number)), "trail": []} for number in numbers]
    if len(docs) == 1:
        ended = [await asyncio.to_thread(fulfil, docs[0])]
    else:
        begun = [DBOS.start_workflow(fulfil, doc) for doc in docs]
        ended = [handle.get_result() for handle in begun]
    assert all(doc["trail"] == list(STEPS) for doc in ended), ended


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    DBOS(
        config={
            "name": "bench",
            "system_database_url": parser.parse_args().url,
            "log_level": "WARNING",
        }
    )
    DBOS.launch()
    try:
        serve(many)
    finally:
        DBOS.destroy()
