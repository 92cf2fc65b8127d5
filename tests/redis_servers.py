"""Redis servers for tests: an embedded Valkey of the test's own, and the server of a URL, if set."""

import os
import signal
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from agents.runtime.redis.embedded import FOLDER
from agents.runtime.redis.valkey_supervisor import PID
from agents.runtime.settings import Settings

URL = "TEST_REDIS_URL"
PATIENCE = 60.0


@pytest.fixture(params=["embedded", "url"])
def redis_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings with a tenant of their own, on each kind of server.

    pytest gives the name of a folder that is gone to the next test, while the server that was in it still ends.
    """
    if request.param == "embedded":
        return Settings(data=tmp_path / uuid.uuid4().hex[:8])
    url = os.environ.get(URL)
    if url is None:
        pytest.skip(f"{URL} names no server")
    tenant = f"t{uuid.uuid4().hex[:12]}"
    return Settings(data=tmp_path, redis_url=url, tenant=tenant)  # type: ignore[arg-type]


@dataclass
class Valkey:
    """The embedded server of a data folder, with ways to disturb it."""

    data: Path

    @property
    def pid(self) -> int:
        return int((self.data / FOLDER / PID).read_text())

    def kill(self) -> None:
        """Kill it; its supervisor starts another one."""
        before = self.pid
        os.kill(before, signal.SIGKILL)
        eventually(lambda: self.pid != before)

    def hang(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def do(self, *command: str | int | bytes) -> Any:
        """Run a command over a connection of its own."""
        socket = self.data / FOLDER / "valkey.sock"
        with Redis(unix_socket_path=str(socket), protocol=2) as redis:
            return redis.execute_command(*command)


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until the condition holds; a missing file counts as False."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            if holds():
                return
        except (OSError, ValueError):
            pass
        time.sleep(0.01)
    raise AssertionError(f"the condition did not hold within {PATIENCE} s")
