"""The local Prefect server: commands share it, it ends when nobody uses it, and is started again if killed."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from agents.runtime.settings import ROOT
from tests.prefect_server import MigratedPrefect
from tests.pseudo_terminal import refusing_proxy

pytestmark = pytest.mark.slow

END_SECONDS = 60
START = """
import json, os, signal, sys, time
from pathlib import Path
from flows.cli.local_server import use_local_server
use_local_server()
from prefect.settings import PREFECT_API_URL, PREFECT_HOME
[file] = Path(PREFECT_HOME.value()).glob("local-server/*/address.json")
pid = json.loads(file.read_text())["pid"]
print(PREFECT_API_URL.value(), pid, flush=True)
"""
CALL = """
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    print(client.hello().status_code)
"""
STAY = "sys.stdin.read()\n"
KILL_AND_CALL = """
os.kill(pid, signal.SIGKILL)
until = time.monotonic() + 60
while json.loads(file.read_text())["pid"] == pid and time.monotonic() < until:
    time.sleep(0.1)
"""


def environment(tmp_path: Path, **variables: str) -> dict[str, str]:
    """That of a command with a home of its own."""
    kept = {
        k: v for k, v in os.environ.items() if not k.upper().startswith(("PREFECT_", "NO_PROXY"))
    }
    own = {
        "PREFECT_HOME": str(tmp_path / "home"),
        "DO_NOT_TRACK": "1",
        "AGENT_FLOWS_PREFECT_IDLE_SECONDS": "1",
    }
    return kept | own | variables


def python(code: str, tmp_path: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run this in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(tmp_path, **variables),
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


@contextmanager
def using(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A command that uses the server and is killed at the end; where the server is, and its process."""
    with subprocess.Popen(
        [sys.executable, "-c", START + STAY],
        cwd=ROOT,
        env=environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdout is not None
        url, pid = command.stdout.readline().split()
        yield url, pid
        command.kill()


def pages(url: str) -> httpx.Client:
    """A person's browser."""
    return httpx.Client(trust_env=False, base_url=url.removesuffix("api"))


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
    assert "the local Prefect server ended with status 3 while it started; it said" in done.stderr
    assert "unable to open database file" in done.stderr


def test_commands_share_a_server_which_ends_when_nobody_uses_it(
    tmp_path: Path, migrated_prefect: MigratedPrefect
) -> None:
    migrated_prefect.fill(tmp_path / "home")
    with using(tmp_path) as (url, pid), pages(url) as person:
        assert python(START + CALL, tmp_path).stdout.splitlines() == [f"{url} {pid}", "200"]
        page = person.get("runs", headers={"Accept": "text/html"}, follow_redirects=True)
        assert page.headers["content-type"].startswith("text/html")
        foreign = person.get("api/health", headers={"Origin": "http://elsewhere.example"})
        assert foreign.json() is True
        assert "access-control-allow-origin" not in foreign.headers
    until = time.monotonic() + END_SECONDS
    while not is_gone(int(pid)):
        assert time.monotonic() < until, "it still runs"
        time.sleep(0.1)


@pytest.mark.campaign
def test_a_killed_server_is_back_at_its_address_and_no_proxy_is_asked(tmp_path: Path) -> None:
    with refusing_proxy() as (proxy, asked):
        done = python(
            START + KILL_AND_CALL + CALL,
            tmp_path,
            HTTP_PROXY=proxy,
            HTTPS_PROXY=proxy,
            ALL_PROXY=proxy,
        )
    assert done.stdout.splitlines()[1:] == ["200"], done.stderr
    assert "the local Prefect server was ended and is started again" in done.stderr
    assert asked == []
