"""The same agents as a straight line and as a graph, in turns in one process, without a Prefect server.

`one_order` and `batch` are the effects of an order at providers that take 20 ms, for one order and for
256, by the wall clock; `trivial` are pure agents, for which a graph can only cost, by processor time.
Ratios are the median of each round's graph / straight.

python -m tests.benchmarks.graphs [--rounds N] [--orders N]; the last line is one JSON object.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from statistics import median
from typing import Any

import orjson

from agents.runtime.context import open_runtime
from agents.runtime.execution.agent import Agent, EffectKey
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.graph import Graph, graph
from agents.runtime.execution.saga import saga
from agents.runtime.intake.intake import Intake, Rejection, Submission
from agents.runtime.model.batch import Batch, RunStats
from agents.runtime.model.policies import EFFECT, PURE, SameKey
from agents.runtime.model.scenario import Scenario
from agents.runtime.settings import settings
from tests.benchmarks.machine import tell
from tests.benchmarks.trivial_steps import BATCH, Doc, document

PROVIDER_SECONDS = 0.02
NAMES = ("assess", "reserve", "open", "authorise", "capture", "book", "issue")
SCENARIO = Scenario(name="graphs", version="1", payload=Doc, outcome=lambda _item: "done")

Run = Callable[[Batch], Awaitable[Any]]
Clock = Callable[[], float]


def _slow(name: str) -> Agent[..., None]:
    async def effect(_order: Doc, key: EffectKey) -> None:
        assert key
        await asyncio.sleep(PROVIDER_SECONDS)

    effect.__name__ = f"slow_{name}"
    return agent(EFFECT, settle=SameKey(timedelta(days=1)))(effect)


def _trivial(name: str) -> Agent[..., None]:
    def pure(_order: Doc) -> None:
        return None

    pure.__name__ = f"trivial_{name}"
    return agent(PURE)(pure)


def _graph(agents: Sequence[Agent[..., None]]) -> Graph:
    """The shape of the graph of orders."""
    assess, reserve, opened, authorise, *rest = agents
    after: dict[Agent[Any, Any], list[Agent[Any, Any]]] = {
        reserve: [assess],
        opened: [assess],
        authorise: [reserve, opened],
    }
    after |= {then: [first] for first, then in zip([authorise, *rest], rest, strict=False)}
    return graph(*agents, after=after)


def _straight(agents: Sequence[Agent[..., None]]) -> Run:
    async def run(batch: Batch) -> None:
        for one in agents:
            batch = await one(batch)

    return run


async def _seconds(run: Run, first: int, count: int, clock: Clock) -> float:
    """How long these orders take by the clock, from their intake to their end."""
    docs = [document(number) for number in range(first, first + count)]
    records: list[Submission | Rejection] = [
        Submission(str(doc.id), orjson.dumps(doc).decode(), doc, doc.id) for doc in docs
    ]
    stats = RunStats()
    intake = Intake(SCENARIO, stats, lambda _rejection: None)
    begun = clock()
    async for batch in intake.accepted(records, BATCH):
        async with saga(batch):
            await run(batch)
    seconds = clock() - begun
    assert stats.outcomes == {"done": count}, stats
    return seconds


async def _measure(rounds: int, orders: int) -> dict[str, Any]:
    slow, trivial = [_slow(name) for name in NAMES], [_trivial(name) for name in NAMES]
    wall, processor = time.perf_counter, time.process_time
    cases = {
        "one_order": (slow, 1, wall),
        "batch": (slow, 256, wall),
        "trivial": (trivial, orders, processor),
    }
    answer: dict[str, Any] = {"rounds": rounds, "trivial_orders": orders}
    first = 1
    async with open_runtime(settings()):
        for name, (agents, count, clock) in cases.items():
            runs: dict[str, Run] = {"straight": _straight(agents), "graph": _graph(agents)}
            seconds: dict[str, list[float]] = {way: [] for way in runs}
            for turn in range(rounds + 1):  # the first warms up
                for way in sorted(runs, reverse=bool(turn % 2)):
                    seconds[way].append(await _seconds(runs[way], first, count, clock))
                    first += count
            pairs = list(zip(seconds["graph"][1:], seconds["straight"][1:], strict=True))
            answer |= {
                f"{name}_{way}_ms": round(1000 * median(seconds[way][1:]), 1) for way in runs
            }
            answer[f"{name}_ratio"] = round(median(graph / line for graph, line in pairs), 3)
    return answer


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--orders", type=int, default=5_120)
    given = parser.parse_args()
    tell(asyncio.run(_measure(given.rounds, given.orders)))
