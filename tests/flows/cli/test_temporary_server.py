"""The temporary Prefect server of a command: why it does not start, and that it is there until the end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agents.runtime.settings import ROOT
from tests.pseudo_terminal import refusing_proxy

pytestmark = pytest.mark.slow

END_SECONDS = 60
START = "from flows.cli.temporary_server import start_temporary_server\nstart_temporary_server()\n"
KILL_AND_CALL = """
from prefect.client.orchestration import get_client
from prefect.server.api.server import SubprocessASGIServer
server = SubprocessASGIServer()
first = server.server_process
with get_client(sync_client=True) as client:
    print(client.hello().status_code)
    first.kill()
    print(client.hello().status_code, server.server_process is not first)
"""
NAME_AND_DIE = """
import os, signal
from prefect.server.api.server import SubprocessASGIServer
print(SubprocessASGIServer().server_process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def python(code: str, tmp_path: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """A fresh interpreter with a home of its own."""
    kept = {
        k: v for k, v in os.environ.items() if not k.upper().startswith(("PREFECT_", "NO_PROXY"))
    }
    own = {"PREFECT_HOME": str(tmp_path / "home"), "DO_NOT_TRACK": "1"}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=kept | own | variables,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def is_gone(pid: int) -> bool:
    """Whether it has ended; what nobody awaits may stay a zombie for a moment."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").split()[2] == "Z"
    except OSError:
        return True


def test_a_home_that_is_not_writable_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = python(START, tmp_path, PREFECT_HOME=str(tmp_path / "file" / "home"))
    assert f"Prefect cannot write to its home folder {tmp_path}/file/home: Not a dir" in done.stderr


@pytest.mark.campaign
def test_a_server_that_ends_while_it_starts_is_shown_with_its_own_words(tmp_path: Path) -> None:
    """Prefect itself would start it again and again, as it ends with status 3."""
    nowhere = "sqlite+aiosqlite:////nowhere/prefect.db"
    done = python(START, tmp_path, PREFECT_SERVER_DATABASE_CONNECTION_URL=nowhere)
    assert (
        "the temporary Prefect server ended with status 3 while it started; it said" in done.stderr
    )
    assert "unable to open database file" in done.stderr


def test_a_server_ends_after_its_command_was_killed(tmp_path: Path) -> None:
    done = python(START + NAME_AND_DIE, tmp_path)
    assert done.returncode == -signal.SIGKILL, done.stderr
    until = time.monotonic() + END_SECONDS
    while not is_gone(int(done.stdout)):
        assert time.monotonic() < until, "it still runs"
        time.sleep(0.1)


@pytest.mark.campaign
def test_a_killed_server_is_back_at_its_address_and_no_proxy_is_asked(tmp_path: Path) -> None:
    with refusing_proxy() as (proxy, asked):
        done = python(
            START + KILL_AND_CALL, tmp_path, HTTP_PROXY=proxy, HTTPS_PROXY=proxy, ALL_PROXY=proxy
        )
    assert done.stdout.splitlines() == ["200", "200 True"], done.stderr
    assert "ended (-9) and is started again" in done.stderr
    assert asked == []
