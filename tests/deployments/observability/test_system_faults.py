"""Each alert fires by a real fault: here those of processes, journal, disk, clock, Prefect, Redis and gateway."""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from math import isfinite
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import SecretStr
from sqlalchemy import select, update

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.database import now
from agents.runtime.journal.schema import owners, queues
from agents.runtime.model.policies import PURE
from agents.runtime.settings import PREFIX, ROOT, Settings
from deployments.gateway.app import create_app
from deployments.gateway.trust import authenticator
from tests.agents.runtime.jobs import JOBS, Job, Made, states, until
from tests.agents.runtime.journal.operators import resume
from tests.agents.runtime.versions import enqueue
from tests.clocks import DatabaseClock
from tests.deployments.gateway import asgi
from tests.deployments.gateway.test_rates import bearer
from tests.deployments.observability.drill import PROMTOOL, Drill, fires, scrape
from tests.deployments.topology.balancer import balance
from tests.deployments.topology.stores import RedisServer
from tests.faults.postgres_proxy import SOCKET
from tests.flaky_network import flaky_network
from tests.prefect_server import PrefectServer, free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        PROMTOOL is None, reason="promtool is not installed: it is in Debian's package prometheus"
    ),
]

LEASE = 2.0  # seconds, of a process that a test stops or kills
FENCED, CLOCK_SET = "agent_flows_items_fenced_total", "agent_flows_clock_set_total"
PRIVATE = ("unshare", "--user", "--map-root-user", "--mount")  # mounts of the process's own


@agent(PURE)
def end_well(_job: Job) -> Made:
    return Made(by="end_well")


@contextmanager
def consumer(
    data: Path, journal: str, gate: Path, *before: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """A consumer of jobs in a process of its own, which exports its metrics."""
    own = {
        f"{PREFIX}DATA": str(data),
        f"{PREFIX}JOURNAL_URL": journal,
        f"{PREFIX}METRICS_PORT": str(free_port()),
        f"{PREFIX}LEASE_SECONDS": str(LEASE),
    }
    command = [*before, sys.executable, "-m", "tests.deployments.observability.job_process"]
    with subprocess.Popen([*command, str(gate)], cwd=ROOT, env=os.environ | own) as process:
        try:
            yield process
        finally:
            process.kill()


async def exported(folder: Path, name: str, holds: Callable[[float], bool] = isfinite) -> None:
    """Wait until the processes of this data folder export the metric, and its sum holds."""
    async with asyncio.timeout(60):
        while True:
            total = (await scrape(folder)).total(name)
            if total is not None and holds(total):
                return
            await asyncio.sleep(0.2)


@fires("orphaned")
async def test_a_killed_consumer_whose_items_nobody_takes_over(
    opened: Runtime, drill: Drill, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    await enqueue(JOBS, 0, 1)
    await drill.look(opened.settings, opened.journal.database)  # so that this process reads it
    with consumer(drill.exported, opened.settings.journal, gate) as process:
        await until(gate.with_suffix(".begun").exists)
        await drill.before(opened)
        process.kill()

    async def is_free() -> bool:
        async with opened.journal.database.read() as connection:
            alive = select(owners.c.id).where(owners.c.beat_at + owners.c.lease > now())
            return [*await connection.scalars(alive)] == [opened.lease.id]

    await until(is_free)
    await drill.fires(opened)


@fires("lease")
async def test_a_paused_process_whose_items_others_finish(
    opened: Runtime, drill: Drill, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    await enqueue(JOBS, 0, 1)
    await drill.look(opened.settings, opened.journal.database)
    with consumer(drill.exported, opened.settings.journal, gate) as process:
        await until(gate.with_suffix(".begun").exists)
        await drill.before(opened)
        before = drill.well.total(FENCED) or 0.0
        process.send_signal(signal.SIGSTOP)

        async def is_finished() -> bool:
            await resume(end_well)
            return set((await states()).values()) == {"completed"}

        await until(is_finished)
        gate.touch()
        process.send_signal(signal.SIGCONT)
        await exported(drill.exported, FENCED, lambda times: times > before)
        await drill.fires(opened)


@fires("unmonitored")
async def test_no_process_is_left(own: Settings, drill: Drill, tmp_path: Path) -> None:
    drill.exported = tmp_path
    with consumer(tmp_path, own.journal, tmp_path / "gate") as process:
        await exported(tmp_path, "agent_flows_leases")
        await drill.before()
        process.kill()
    await drill.fires()


def _may_mount() -> bool:
    if shutil.which(PRIVATE[0]) is None:
        return False
    mount = [*PRIVATE, "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(mount, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _may_mount(), reason="this user may not mount a small disk of its own")
@fires("disk")
async def test_a_disk_that_fills(own: Settings, drill: Drill, tmp_path: Path) -> None:
    data = tmp_path / "small"
    data.mkdir()
    mounted = f'mount -t tmpfs -o size=8m none {data} && exec "$@"'
    command = (*PRIVATE, "sh", "-c", mounted, "sh")
    with consumer(data, own.journal, tmp_path / "gate", *command) as process:
        drill.exported = seen = Path(f"/proc/{process.pid}/root/{data}")
        await exported(seen, "agent_flows_leases")
        await drill.before()
        (seen / "report.md").write_bytes(bytes(15 << 19))
        await exported(seen, "agent_flows_disk_free_ratio", lambda free: free < 0.1)
        await drill.fires()


@fires("journal-away", "gateway-errors", "unmonitored")
async def test_a_database_that_is_away(
    postgresql_url: str, drill: Drill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before is dropped after a while, so that the alerts about it are blind then."""
    monkeypatch.setattr("agents.runtime.monitor.GRACE", -4.0)  # dropped one second after each look
    parts = urlsplit(postgresql_url)
    (host,) = parse_qs(parts.query)["host"]
    async with flaky_network(Path(host) / SOCKET) as network:
        url = f"postgresql+asyncpg://postgres@127.0.0.1:{network.port}{parts.path}"
        async with open_runtime(Settings(data=tmp_path, journal_url=SecretStr(url))) as opened:
            app = create_app(authenticator())
            caller = await bearer("ann")
            for _ in range(3):
                assert (await asgi.send(app, "GET", "/audit", caller)).status == 200
            await drill.before(opened)
            network.set_mode("reset")
            for _ in range(3):
                assert (await asgi.send(app, "GET", "/audit", caller)).status == 503
            with pytest.raises(ConnectionError):
                await drill.look(opened.settings, opened.journal.database)
            await asyncio.sleep(1.0)  # until the last readings are dropped
            await drill.fires()
            network.set_mode("healthy")


@fires("journal-slow")
async def test_another_process_that_keeps_the_journal_busy(opened: Runtime, drill: Drill) -> None:
    async def write() -> None:
        async with opened.journal.database.write() as connection:
            await connection.execute(update(queues).values(paused=queues.c.paused))

    await write()
    await drill.before(opened)
    path = opened.settings.journal.partition("///")[2]
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(write())
        await asyncio.sleep(1.3)  # the fault: as long as a backup that locks it
        other.execute("COMMIT")
        await writing
    await drill.fires(opened)


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
@fires("clock")
async def test_a_clock_that_is_set(
    database_clock: DatabaseClock, journal_settings: Settings, drill: Drill
) -> None:
    brief = journal_settings.model_copy(update={"lease_seconds": LEASE})
    async with open_runtime(brief) as opened:
        await drill.before(opened)
        before = drill.well.total(CLOCK_SET) or 0.0
        await database_clock.set(3_600.0)
        await exported(drill.exported, CLOCK_SET, lambda times: times > before)
        await drill.fires(opened)


@fires("prefect-away")
async def test_a_prefect_server_that_cannot_be_reached(
    opened: Runtime, drill: Drill, prefect_server: PrefectServer
) -> None:
    port = free_port()
    there = int(prefect_server.url.removesuffix("/api").rpartition(":")[2])
    way = asyncio.create_task(balance(port, [there]))
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{port}/api"}):
        await until(lambda: _answers(port))
        await drill.before(opened)
        way.cancel()
        await asyncio.gather(way, return_exceptions=True)
        await drill.fires(opened)


async def _answers(port: int) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}/api/health")).is_success
        except httpx.ConnectError:
            return False


@fires("redis-away")
async def test_a_redis_that_is_killed(own: Settings, drill: Drill, tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    try:
        with_redis = own.model_copy(update={"redis_url": SecretStr(server.url(0))})
        async with open_runtime(with_redis) as opened:
            await drill.before(opened)
            server.kill()
            await drill.fires(opened)
    finally:
        server.close()


@fires("gateway-refusing")
async def test_a_caller_that_sends_too_much(own: Settings, drill: Drill) -> None:
    few = own.model_copy(update={"gateway_tenant_rate": "5/hour"})
    async with open_runtime(few) as opened:
        app = create_app(authenticator())
        caller = await bearer("ann")
        for _ in range(2):
            assert (await asgi.send(app, "GET", "/audit", caller)).status == 200
        await drill.before(opened)
        found = [(await asgi.send(app, "GET", "/audit", caller)).status for _ in range(6)]
        assert found == [200] * 3 + [429] * 3
        await drill.fires(opened)
