"""The gateway, PostgreSQL and Redis are killed under load: nothing accepted is lost, nothing is twice."""

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from agents.runtime.journal.database import Database
from agents.runtime.journal.gateway_schema import api_requests
from agents.runtime.journal.schema import history, items
from agents.runtime.redis.client import RedisClient
from agents.runtime.settings import Settings
from tests.databases import embedded_postgres, execute
from tests.deployments.gateway.gateway_process import RunningGateway, running_gateway
from tests.deployments.gateway.orders import order
from tests.redis_servers import Valkey

CALLERS = 16
PATIENCE = 60.0


@dataclass
class Callers:
    """Callers that send orders, each with a key, until they are told to stop."""

    accepted: dict[str, bytes] = field(default_factory=dict)  # idempotency key -> the answer
    unknown: set[str] = field(default_factory=set)  # sent, and never answered
    told: asyncio.Event = field(default_factory=asyncio.Event)  # that the journal is away
    others: list[str] = field(default_factory=list)  # answers that nobody may get
    slowest: float = 0.0

    async def send(self, client: httpx.AsyncClient, key: str) -> None:
        """Send the order of this key once."""
        begun = time.monotonic()
        self.unknown.add(key)
        body, headers = order() | {"order_id": key}, {"Idempotency-Key": key}
        with suppress(httpx.TransportError):
            answer = await client.post("/v/orders", json=body, headers=headers)
            self.slowest = max(self.slowest, time.monotonic() - begun)
            self._heard(key, answer)

    def _heard(self, key: str, answer: httpx.Response) -> None:
        if answer.status_code == 202:
            self.unknown.discard(key)
            assert self.accepted.setdefault(key, answer.content) == answer.content
        elif answer.status_code == 503 and int(answer.headers["retry-after"]) > 0:
            self.told.set()
        else:
            self.others.append(answer.text)

    @asynccontextmanager
    async def calling(self, gateway: RunningGateway, name: str) -> AsyncIterator[None]:
        """Many callers at once within the block."""
        stop = asyncio.Event()

        async def call(client: httpx.AsyncClient, caller: int) -> None:
            count = 0
            while not stop.is_set():
                count += 1
                await self.send(client, f"{name}-{caller}-{count}")

        async with _client(gateway) as client:
            tasks = [asyncio.create_task(call(client, n)) for n in range(CALLERS)]
            try:
                yield
            finally:
                stop.set()
                await asyncio.gather(*tasks)

    async def until(self, more: int) -> None:
        """Wait until this many more orders are accepted."""
        wanted, until = len(self.accepted) + more, time.monotonic() + PATIENCE
        while len(self.accepted) < wanted:
            assert time.monotonic() < until, "nothing more is accepted"
            await asyncio.sleep(0.01)

    async def again(self, gateway: RunningGateway) -> None:
        """Send everything again with its key: the answers are the same, and the rest is accepted."""
        keys = [*self.accepted, *self.unknown]
        async with _client(gateway) as client:
            for start in range(0, len(keys), CALLERS):
                await asyncio.gather(*(self.send(client, k) for k in keys[start : start + CALLERS]))
        assert (self.unknown, self.others) == (set(), [])


def _client(gateway: RunningGateway) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {gateway.key}"}
    return httpx.AsyncClient(base_url=gateway.url, headers=headers, timeout=30, trust_env=False)


async def require_once(url: str, callers: Callers) -> None:
    """Every order that was accepted is in the journal once, with one history and one answer."""
    database = Database(url)
    async with database.read() as connection:
        found = list(await connection.scalars(select(items.c.key)))
        events = await connection.scalar(select(func.count()).select_from(history))
        answers = {
            row.key: row.body.encode() for row in await connection.execute(select(api_requests))
        }
    await database.close()
    assert len(found) == len(set(found)) == events
    assert answers == callers.accepted
    assert set(found) == set(callers.accepted)


@pytest.mark.slow
async def test_a_killed_gateway_loses_nothing_that_it_has_accepted(tmp_path: Path) -> None:
    callers = Callers()
    with running_gateway(tmp_path, "--no-consumers") as first:
        async with callers.calling(first, "a"):
            await callers.until(100)
            first.process.kill()
    with running_gateway(tmp_path, "--no-consumers") as second:
        await callers.again(replace(second, key=first.key))
    await require_once(f"sqlite+aiosqlite:///{tmp_path / 'data' / 'journal.db'}", callers)


@dataclass
class Postgresql:
    """A server of its own, which can be killed and started again."""

    server: Any
    url: str

    def kill(self) -> None:
        """As the kernel does where memory is short."""
        pid = self.server.get_pid()
        os.kill(pid, signal.SIGKILL)
        while self._lives(pid):
            time.sleep(0.01)

    def start(self) -> None:
        self.server.ensure_postgres_running()

    def _lives(self, pid: int) -> bool:
        """Whether it runs; what nobody has waited for stays in the list of processes."""
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False


@pytest.fixture
def own_postgresql() -> Iterator[Postgresql]:
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    home.chmod(0o755)
    server = embedded_postgres().get_server(home / "data", cleanup_mode="stop")
    url = server.get_uri().replace("postgresql://", "postgresql+asyncpg://")
    asyncio.run(execute(url, "CREATE DATABASE journal"))
    yield Postgresql(server, url.replace("/postgres?", "/journal?"))
    server.cleanup()
    shutil.rmtree(home, ignore_errors=True)


@pytest.mark.campaign
def test_a_killed_postgresql_is_told_and_comes_back(
    tmp_path: Path, own_postgresql: Postgresql
) -> None:
    async def run() -> None:
        callers = Callers()
        more = {"AGENT_FLOWS_JOURNAL_URL": own_postgresql.url}
        with running_gateway(tmp_path, "--no-consumers", more=more) as gateway:
            async with callers.calling(gateway, "a"):
                await callers.until(100)
                await asyncio.to_thread(own_postgresql.kill)
                await asyncio.wait_for(callers.told.wait(), PATIENCE)
                await asyncio.to_thread(own_postgresql.start)
                await callers.until(100)
            await callers.again(gateway)
        await require_once(own_postgresql.url, callers)

    asyncio.run(run())


@pytest.mark.campaign
async def test_a_killed_redis_is_not_noticed(tmp_path: Path) -> None:
    callers = Callers()
    with running_gateway(tmp_path, "--no-consumers") as gateway:
        redis = RedisClient(Settings(data=tmp_path / "data"))
        await redis.attempt(lambda one: one.ping())
        valkey = Valkey(tmp_path / "data")
        async with callers.calling(gateway, "r"):
            await callers.until(100)
            await asyncio.to_thread(valkey.kill)
            await callers.until(100)
        await redis.close()
    assert (callers.told.is_set(), callers.others, callers.unknown) == (False, [], set())
    assert callers.slowest < 10
