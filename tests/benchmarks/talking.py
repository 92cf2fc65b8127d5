"""The bus beside bare Redis: from publish to receive, and from request to reply, in turns.

python -m tests.benchmarks.talking --messages N --rounds N; bare Redis writes nothing down, the bus
commits every message, and a question and its answer, before they count. `durable_redis` is the floor of
that: bare Redis, and one row in plain sqlite3, on the disk, for each of them.
"""

import argparse
import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from redis.asyncio import Redis

from agents.runtime.context import open_runtime
from agents.runtime.messaging import Bus, Delivery, RequestReply, Topic, answer, open_bus, subscribe
from agents.runtime.settings import Settings, settings
from tests.benchmarks.floor import open_floor
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
async def durable_redis(socket: Path, journal: Path) -> AsyncIterator[dict[str, Talk]]:
    """As `bare_redis`, with a commit before each message, question and answer is sent."""
    with closing(open_floor(journal)) as rows:
        rows.execute("CREATE TABLE said (id INTEGER PRIMARY KEY, body TEXT NOT NULL)")

        def commit() -> None:
            rows.execute("INSERT INTO said (body) VALUES ('x')")

        async with bare_redis(socket, "durable", commit) as talks:
            yield talks


@asynccontextmanager
async def bare_redis(
    socket: Path, name: str = "bare", before: Callable[[], None] = lambda: None
) -> AsyncIterator[dict[str, Talk]]:
    """A stream with a group, and two lists: the bus without any durability."""
    heard, ending, news = TurnContext(), asyncio.Event(), f"{name}:news"
    async with Redis(unix_socket_path=str(socket), protocol=2) as redis:
        client: Any = redis
        await client.xgroup_create(news, "bench", mkstream=True)

        async def receive() -> None:
            while not ending.is_set():
                found = await client.xreadgroup(
                    "bench", "me", {news: ">"}, count=1, block=BLOCK_MILLISECONDS
                )
                for entry, _ in found[0][1] if found else []:
                    heard.receive()
                    await client.xack(news, "bench", entry)

        async def reply() -> None:
            while not ending.is_set():
                if asked := await client.blpop([f"{name}:asked"], timeout=1):
                    caller, _, text = asked[1].partition(b":")
                    before()
                    await client.rpush(caller, text)

        async def ask() -> float:
            begun, caller = time.perf_counter(), uuid.uuid4().hex
            before()
            await client.rpush(f"{name}:asked", f"{caller}:x")
            assert await client.blpop([caller], timeout=PATIENCE)
            return time.perf_counter() - begun

        async def publish() -> None:
            before()
            await client.xadd(news, {"message": "x"})

        serving = [asyncio.create_task(receive()), asyncio.create_task(reply())]
        try:
            yield {
                "publish": lambda: heard.after(publish),
                "request": ask,
            }
        finally:
            ending.set()  # the client may swallow a cancellation
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
            "durable_redis": await stack.enter_async_context(
                durable_redis(socket, own.data / "floor.db")
            ),
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
