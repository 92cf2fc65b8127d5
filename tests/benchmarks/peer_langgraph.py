"""LangGraph with its SQLite checkpointer; each step is durable before the next one starts.

python -m tests.benchmarks.peer_langgraph --folder PATH; asked by lines, see `contending`.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph

from tests.benchmarks.contending import aserve
from tests.benchmarks.trivial_steps import STEPS, document

AT_ONCE = 32


class State(TypedDict):
    """An order's document."""

    id: int
    sku: str
    qty: int
    cents: int
    trail: list[str]


def _node(name: str) -> Any:
    async def step(doc: State) -> dict[str, Any]:
        return {**doc, "trail": [*doc["trail"], name]}

    return step


@asynccontextmanager
async def langgraph_orders(path: Path) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """A function that runs the graph for the order with a number; checkpoints are in this file."""
    graph, before = StateGraph(State), START
    for name in STEPS:
        graph.add_node(name, _node(name))
        graph.add_edge(before, name)
        before = name
    graph.add_edge(before, END)
    async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
        compiled: Any = graph.compile(checkpointer=saver)

        async def order(number: int) -> None:
            doc = {**asdict(document(number)), "trail": []}
            config = {"configurable": {"thread_id": str(number)}}
            done = await compiled.ainvoke(doc, config, durability="sync")
            assert done["trail"] == list(STEPS), done

        yield order


async def main(folder: Path) -> None:
    """Take orders as they are asked for."""
    gate = asyncio.Semaphore(AT_ONCE)
    async with langgraph_orders(folder / "graph.db") as order:

        async def one(number: int) -> None:
            async with gate:
                await order(number)

        async def many(numbers: Sequence[int]) -> None:
            await asyncio.gather(*map(one, numbers))

        await aserve(many)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    asyncio.run(main(parser.parse_args().folder))
