"""Customers, operators and the agent of conversations, for tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import orjson

from agents.runtime.intake.consumer import Consumer
from agents.support.scenario import TURNS
from deployments.gateway.access import Principal, Scope
from flows.conversation import answer, hand_back
from flows.operations.resume import finish
from flows.workflows import WORKFLOWS

YARA = Principal("shop app", "default", frozenset({Scope.CHAT}), user="yara")
OMAR = Principal("other app", "default", frozenset({Scope.CHAT}), user="omar")
ANN = Principal("ann", "default", frozenset({Scope.READ, Scope.ACT}))
__all__ = ["ANN", "OMAR", "YARA", "answering", "begin", "events", "finish_handovers", "hand_back"]


async def begin(client: httpx.AsyncClient) -> str:
    """The address of the turns of a new conversation."""
    begun = await client.post("/conversations")
    assert begun.status_code == 201, begun.text
    turns: str = begun.json()["turns"]
    return turns


@asynccontextmanager
async def answering() -> AsyncIterator[None]:
    """The agent answers within the block."""
    consumer = Consumer(TURNS, answer, lambda _: asyncio.sleep(0.02))
    task = asyncio.create_task(consumer.consume())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def finish_handovers() -> None:
    """Process what waits in the workflow of hand-overs."""
    await finish(WORKFLOWS["handovers"])


def events(text: str) -> list[tuple[str, Any]]:
    """The server-sent events of an answer, without comments."""
    blocks = [block.split("\n") for block in text.split("\n\n") if block[:1] not in ("", ":")]
    return [
        (first.removeprefix("event: "), orjson.loads(second.removeprefix("data: ")))
        for first, second in blocks
    ]
