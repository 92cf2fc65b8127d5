"""LangGraph with its SQLite checkpointer; each step is durable before the next one starts."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph

from tests.benchmarks.trivial_steps import STEPS, document


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
