"""The local Prefect server of a home folder, shared by all commands that name no other server.

Prefect would start a temporary one for each process, which takes seconds, has no pages, and ends with its
process. This one stays for the next command and for a person who looks at its pages, and ends when nobody
has used it for a while. A command that uses it holds a lock, so it outlasts silent work. It is started again
if it is killed. Commands whose settings of Prefect differ have servers of their own on the same database.

Source: prefect.server.api.server, SubprocessASGIServer (version 3.8.8), which this replaces.
"""

import fcntl
import hashlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

import prefect
from prefect.context import refresh_global_settings_context
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_HOME,
    PREFECT_SERVER_EPHEMERAL_ENABLED,
    get_current_settings,
)

from agents.runtime.child_start import ChildStart
from agents.runtime.errors import AgentError
from agents.runtime.one_server import is_alone
from agents.runtime.settings import PREFIX, ROOT, settings
from flows.cli.local_server_process import ADDRESS, LOCK, PATH, USERS

FOLDER = "local-server"
LOG = "server.log"
NAME = "the local Prefect server"
ANSWER_SECONDS = 5.0
WATCH_SECONDS = 1.0
MOST_STARTS = 5
YIELD_SECONDS = 10.0
POLL_SECONDS = 0.02

_users: list[IO[str]] = []  # locked until this process ends


class HomeNotWritable(AgentError):
    """Prefect cannot keep its database in its home folder."""

    def __init__(self, home: Path, problem: str) -> None:
        super().__init__(home, problem)
        self.home, self.problem = home, problem

    def __str__(self) -> str:
        return (
            f"Prefect cannot write to its home folder {self.home}: {self.problem}; "
            "set PREFECT_HOME to a folder that this user can write to"
        )


def use_local_server() -> None:
    """Let this process and its children use it, unless a server is named; start it if it does not run.

    Raises HomeNotWritable, and DidNotStart with what it said.
    """
    if PREFECT_API_URL.value() or not PREFECT_SERVER_EPHEMERAL_ENABLED.value():
        return
    folder = _folder(PREFECT_HOME.value())
    users = (folder / USERS).open("a")
    fcntl.flock(users, fcntl.LOCK_SH)  # waits while a server ends
    _users.append(users)
    _use(_port(folder) or _start(folder))
    threading.Thread(target=_keep, args=(folder,), name=FOLDER, daemon=True).start()


def uses_local_server() -> bool:
    """Whether this process has found or started it."""
    return bool(_users)


def _use(port: int) -> None:
    """Name it as the user would. It has no concurrency limits, so each process keeps its own."""
    if settings().concurrency == "auto":
        os.environ[f"{PREFIX}CONCURRENCY"] = "local"
        settings.cache_clear()
    os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
    refresh_global_settings_context()


def _folder(home: Path) -> Path:
    """The folder of the server for the settings of this process. Raises HomeNotWritable."""
    same = json.dumps([prefect.__version__, sys.prefix, _settings()], sort_keys=True)
    folder = home / FOLDER / hashlib.sha256(same.encode()).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            return folder
    except OSError as error:
        raise HomeNotWritable(home, error.strerror or str(error)) from None


def _settings() -> dict[str, str]:
    """Prefect's settings as this process was given them, without the address that it has found since."""
    given = get_current_settings().to_environment_variables(exclude_unset=True)
    given.pop("PREFECT_API_URL", None)
    return given


def _start(folder: Path) -> int:
    """Start processes until one serves: ours, or that of another command, for which ours ends itself.

    Returns its port. Raises DidNotStart.
    """
    starting = ChildStart(NAME, folder / LOG)
    for _ in range(MOST_STARTS):
        child = _spawn(folder)
        starting.wait(child, partial(_is_settled, folder, child))
        if child.returncode:
            raise starting.failed(f"ended with status {child.returncode} while it started")
        until = time.monotonic() + YIELD_SECONDS
        while time.monotonic() < until:
            if port := _port(folder):
                return port
            time.sleep(POLL_SECONDS)
    raise starting.failed("ended for another process, which does not answer")


def _spawn(folder: Path) -> "subprocess.Popen[bytes]":
    given = _settings()
    idle = str(settings().prefect_idle_seconds)
    with (folder / LOG).open("ab") as log:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
            [sys.executable, "-m", "flows.cli.local_server_process", str(folder), idle],
            env={**os.environ, **given, "PREFECT_API_URL": ""},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the command alone
        )
    # It outlives this process; until then a thread must reap it, or it stays a zombie.
    threading.Thread(target=child.wait, name="local-server-reaper", daemon=True).start()
    return child


def _is_settled(folder: Path, child: "subprocess.Popen[bytes]") -> bool:
    """Whether our child serves or has ended: one that is still starting could take over later."""
    return child.returncode is not None or _port(folder, child.pid) is not None


def _keep(folder: Path) -> None:
    """Start it again when it is killed, at the same port unless another process has taken that."""
    while True:
        time.sleep(WATCH_SECONDS)
        try:
            if _is_gone(folder):
                print(f"{NAME} was ended and is started again", file=sys.stderr)
                _use(_start(folder))
        except (AgentError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            return


def _is_gone(folder: Path) -> bool:
    with (folder / LOCK).open("a") as lock:
        return is_alone(lock)


def _port(folder: Path, pid: int | None = None) -> int | None:
    """The port at which the process that wrote the address answers, if it is `pid` or that does not matter.

    Asked without a proxy, whatever the environment says.
    """
    with suppress(OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        written = json.loads((folder / ADDRESS).read_text("utf-8"))
        if pid not in (None, written["pid"]):
            return None
        connection = http.client.HTTPConnection("127.0.0.1", written["port"], ANSWER_SECONDS)
        try:
            connection.request("GET", PATH)
            response = connection.getresponse()
            if response.status == 200 and json.loads(response.read()) == {"pid": written["pid"]}:
                return int(written["port"])
        finally:
            connection.close()
    return None
