"""Turns of conversations through our runtime and through LangGraph, in turns in one process.

python -m tests.benchmarks.conversing --turns N --real N --rounds N
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypedDict

from prefect import flow

from agents.runtime.context import open_runtime
from agents.runtime.settings import settings
from agents.shop.accounts import CustomerAccount
from agents.support.dialogue.forms import ShopView
from agents.support.dialogue.policy import answer_from, decide
from agents.support.dialogue.render import reply
from agents.support.dialogue.turn_context import TurnContext
from agents.support.knowledge.retrieve import retrieve
from agents.support.models import ChangeOutcome, Dialogue, Replied, Turn, Understood
from agents.support.run import ConversationRun
from agents.support.understanding.classify import understand
from flows.conversation import answer
from tests.benchmarks.machine import tell
from tests.benchmarks.peer_langgraph import langgraph_orders
from tests.benchmarks.trivial import trivial_orders
from tests.benchmarks.trivial_steps import WARM_UP

SAID = ("hello", "how long does delivery take", "thank you", "怎么退货", "turn on the light")
LONG = len(SAID)
AT_ONCE = 32  # conversations of LangGraph side by side
SHOP = ShopView(CustomerAccount(customer="u"), {}, {})


class State(TypedDict):
    """A turn on its way through LangGraph."""

    text: str
    understood: str
    before: str
    replied: str


def turns_of(first: int, count: int) -> list[Turn]:
    """So many turns, as many to a conversation as there are things to say."""
    return [
        Turn(
            conversation=f"c{first + n // LONG}", number=n % LONG + 1, user="u", text=SAID[n % LONG]
        )
        for n in range(count)
    ]


async def answered(turn: Turn, understood: Understood, before: Dialogue) -> Replied:
    """The functions of the agents, without anything around them."""
    context = TurnContext(turn, understood, before, SHOP)
    decided = decide(context)
    if decided is None:
        decided = answer_from(context, await retrieve(turn.text, understood.language))
    return reply("en", decided, ChangeOutcome())


async def bare(first: int, count: int) -> float:
    """The functions alone."""
    begun, before = time.perf_counter(), Dialogue()
    for turn in turns_of(first, count):
        kept = before if turn.number > 1 else Dialogue()
        before = (await answered(turn, understand(turn.text), kept)).after
    return time.perf_counter() - begun


@flow(name="conversing", persist_result=False)
async def _ours(desk: ConversationRun, turns: list[Turn]) -> None:
    async for batch in desk.accepted(turns):
        await answer(batch)


async def ours(desk: ConversationRun, first: int, count: int) -> float:
    """The real story, in batches of the conversations' turns."""
    begun = time.perf_counter()
    await _ours.with_options(validate_parameters=False)(desk, turns_of(first, count))
    return time.perf_counter() - begun


async def theirs(path: Path, first: int, count: int) -> float:
    """The same functions as nodes of LangGraph, each step durable before the next."""
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: PLC0415 - a peer
    from langgraph.graph import END, START, StateGraph  # noqa: PLC0415

    graph: Any = StateGraph(State)
    for name, before, node in _nodes():
        graph.add_node(name, node)
        graph.add_edge(before or START, name)
    graph.add_edge("reply", END)
    async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
        compiled: Any = graph.compile(checkpointer=saver)

        async def converse(turns: list[Turn]) -> None:
            for turn in turns:
                config = {"configurable": {"thread_id": turn.conversation}}
                done = await compiled.ainvoke({"text": turn.text}, config, durability="sync")
                assert done["replied"]

        said = turns_of(first, count)
        talks = [said[n : n + LONG] for n in range(0, count, LONG)]
        begun = time.perf_counter()
        await side_by_side([lambda talk=talk: converse(talk) for talk in talks])  # type: ignore[misc]
        return time.perf_counter() - begun


def _nodes() -> list[tuple[str, str, Callable[[State], Awaitable[dict[str, str]]]]]:
    """Six steps, as ours has them."""

    async def understood(state: State) -> dict[str, str]:
        return {"understood": understand(state["text"]).model_dump_json()}

    async def step(_state: State) -> dict[str, str]:
        return {}

    async def said(state: State) -> dict[str, str]:
        before = state.get("before")
        turn = Turn(conversation="c", number=1, user="u", text=state["text"])
        dialogue = Dialogue.model_validate_json(before) if before else Dialogue()
        understood = Understood.model_validate_json(state["understood"])
        told = await answered(turn, understood, dialogue)
        return {"replied": told.text or "-", "before": told.after.model_dump_json()}

    return [
        ("understand", "", understood), ("decide", "understand", step),
        ("carry_out", "decide", step), ("learn", "carry_out", step), ("phrase", "learn", step),
        ("reply", "phrase", said),
    ]  # fmt: skip


async def side_by_side(work: list[Callable[[], Awaitable[None]]]) -> None:
    """All of it, so many at once."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(do: Callable[[], Awaitable[None]]) -> None:
        async with gate:
            await do()

    await asyncio.gather(*map(one, work))


async def _graph(order: Callable[[int], Awaitable[None]], first: int, count: int) -> float:
    begun = time.perf_counter()
    await side_by_side([lambda n=n: order(n) for n in range(first, first + count)])  # type: ignore[misc]
    return time.perf_counter() - begun


async def measured(turns: int, real: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of every round: trivial agents, and the real ones."""
    told: dict[str, list[float]] = {
        name: [] for name in ("ours", "langgraph", "real_ours", "real_langgraph", "real_bare")
    }
    here = settings().data
    async with open_runtime(settings()) as opened:
        desk = ConversationRun(opened.journal)
        await trivial_orders(1, WARM_UP)
        await bare(0, LONG)
        await ours(desk, 0, LONG)
        async with langgraph_orders(here / "graph.db") as order:
            await _graph(order, 1, 10)
            for turn in range(rounds):
                first = 1 + WARM_UP + turn * turns
                told["ours"].append(await trivial_orders(first, turns))
                told["langgraph"].append(await _graph(order, first, min(turns, 500)))
        for turn in range(rounds):
            first = 10 + turn * real
            told["real_ours"].append(await ours(desk, first, real))
            told["real_langgraph"].append(await theirs(here / f"real-{turn}.db", first, real))
            told["real_bare"].append(await bare(first, real))
    return told


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("--turns", "--real", "--rounds"):
        parser.add_argument(name, type=int, required=True)
    given = parser.parse_args()
    tell(asyncio.run(measured(given.turns, given.real, given.rounds)))
