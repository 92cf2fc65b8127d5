"""The bus beside bare Redis: from publish to receive, and from request to reply, in turns.

python -m tests.benchmarks.talking --messages N --rounds N; bare Redis writes nothing down, the bus
commits every message, and a question and its answer, before they count.
"""

import argparse
import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from redis.asyncio import Redis

from agents.runtime.context import open_runtime
from agents.runtime.messaging import Bus, Delivery, RequestReply, Topic, answer, open_bus, subscribe
from agents.runtime.settings import Settings, settings
from tests.benchmarks.machine import tell
from tests.benchmarks.servers import postgresql, valkey

REST_SECONDS = 0.01
WARM_UP = 20
PATIENCE = 10.0
BLOCK_MILLISECONDS = 1_000


class Said(BaseModel, frozen=True):
    """A message."""

    text: str


NEWS = Topic("bench.news", Said)
ASKING = RequestReply(Topic("bench.asking", Said), Topic("bench.answer", Said))
Talk = Callable[[], Awaitable[float]]


class TurnContext:
    """The time at which the current message was received."""

    at: "asyncio.Future[float]"

    def receive(self) -> None:
        """The message has arrived."""
        self.at.set_result(time.perf_counter())

    async def after(self, say: Callable[[], Awaitable[Any]]) -> float:
        """Seconds from before it is sent until it is received."""
        self.at = asyncio.get_running_loop().create_future()
        begun = time.perf_counter()
        await say()
        return await asyncio.wait_for(self.at, PATIENCE) - begun


@asynccontextmanager
async def our_bus(here: Settings) -> AsyncIterator[dict[str, Talk]]:
    """The bus over the journal of these settings."""
    heard = TurnContext()

    @subscribe(NEWS, "bench")
    async def receive(_said: Said, _delivery: Delivery) -> None:
        heard.receive()

    @answer(ASKING)
    async def reply(said: Said) -> Said:
        return said

    async with open_runtime(here), open_bus(here) as bus:
        serving = asyncio.create_task(bus.serve([receive, reply]))
        try:
            yield {
                "publish": lambda: heard.after(lambda: bus.publish(NEWS, Said(text="x"))),
                "request": lambda: _asked(bus),
            }
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def _asked(bus: Bus) -> float:
    begun = time.perf_counter()
    correlation = uuid.uuid4().hex
    await bus.request(ASKING, Said(text="x"), correlation=correlation, seconds=PATIENCE)
    return time.perf_counter() - begun


@asynccontextmanager
async def bare_redis(socket: Path) -> AsyncIterator[dict[str, Talk]]:
    """A stream with a group, and two lists: the bus without any durability."""
    heard, closing = TurnContext(), asyncio.Event()
    async with Redis(unix_socket_path=str(socket), protocol=2) as redis:
        client: Any = redis
        await client.xgroup_create("bare:news", "bench", mkstream=True)

        async def receive() -> None:
            while not closing.is_set():
                found = await client.xreadgroup(
                    "bench", "me", {"bare:news": ">"}, count=1, block=BLOCK_MILLISECONDS
                )
                for entry, _ in found[0][1] if found else []:
                    heard.receive()
                    await client.xack("bare:news", "bench", entry)

        async def reply() -> None:
            while not closing.is_set():
                if asked := await client.blpop(["bare:asked"], timeout=1):
                    name, _, text = asked[1].partition(b":")
                    await client.rpush(b"bare:reply:" + name, text)

        async def ask() -> float:
            begun, name = time.perf_counter(), uuid.uuid4().hex
            await client.rpush("bare:asked", f"{name}:x")
            assert await client.blpop([f"bare:reply:{name}"], timeout=PATIENCE)
            return time.perf_counter() - begun

        serving = [asyncio.create_task(receive()), asyncio.create_task(reply())]
        try:
            yield {
                "publish": lambda: heard.after(lambda: client.xadd("bare:news", {"message": "x"})),
                "request": ask,
            }
        finally:
            closing.set()  # the client may swallow a cancellation
            await asyncio.gather(*serving, return_exceptions=True)


async def _turns(url: str, messages: int, rounds: int) -> dict[str, dict[str, list[float]]]:
    seconds: dict[str, dict[str, list[float]]] = {}
    own = settings()
    other = own.model_copy(update={"tenant": "other", "journal_url": _secret(url)})
    async with AsyncExitStack() as stack:
        socket = stack.enter_context(valkey(own.data))
        found = {
            "sqlite": await stack.enter_async_context(our_bus(own)),
            "postgresql": await stack.enter_async_context(our_bus(other)),
            "bare_redis": await stack.enter_async_context(bare_redis(socket)),
        }
        for turn in range(rounds + 1):
            for name, talks in found.items():
                for kind, talk in talks.items():
                    for _ in range(messages if turn else WARM_UP):
                        await asyncio.sleep(REST_SECONDS)
                        passed = await talk()
                        if turn:
                            seconds.setdefault(kind, {}).setdefault(name, []).append(passed)
    return seconds


def _secret(url: str) -> Any:
    return Settings(journal_url=url).journal_url  # type: ignore[arg-type]  # pydantic wraps it


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("--messages", "--rounds"):
        parser.add_argument(option, type=int, required=True)
    given = parser.parse_args()
    with postgresql() as new:
        tell(asyncio.run(_turns(new(), given.messages, given.rounds)))
