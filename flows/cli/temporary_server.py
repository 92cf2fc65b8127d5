"""The temporary Prefect server of a command: started before its flow, and again if it is killed.

Prefect would start it as well, but waits for minutes for a server that has ended, starts one that ends with
status 3 again without end, and does not notice one that ends later. Its database outlives it, so a run does
not notice that it was away for a while. It ends when the command is killed.

Source: prefect.server.api.server, SubprocessASGIServer (version 3.8.8), whose process this one replaces.
"""

import atexit
import http.client
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import prefect
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_HOME,
    PREFECT_SERVER_EPHEMERAL_ENABLED,
    get_current_settings,
)

from agents.runtime.child_start import ChildStart
from agents.runtime.errors import AgentError

if TYPE_CHECKING:
    from prefect.server.api.server import SubprocessASGIServer

LOG = "temporary-server.log"
HEALTH_SECONDS = 5.0
MOST_RESTARTS = 3
ON_PURPOSE = (0, -signal.SIGINT, -signal.SIGTERM)  # Ctrl-C reaches the server as well
VARIABLES = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
}


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


def start_temporary_server(*, own_group: bool = False) -> None:
    """Start it for this process, unless PREFECT_API_URL names a server or it runs already.

    In a process group of its own, Ctrl-C does not reach it: what this process still has to tell it at
    its end is recorded. Raises HomeNotWritable, and DidNotStart with what it said.
    """
    if PREFECT_API_URL.value() or not PREFECT_SERVER_EPHEMERAL_ENABLED.value():
        return
    from prefect.server.api.server import (  # noqa: PLC0415 - loads the server, which a flow run with a URL does not need
        SubprocessASGIServer,
    )

    server = SubprocessASGIServer()
    if server.running:
        return
    log = _require_writable(PREFECT_HOME.value()) / LOG
    server.port = server.port or server.find_available_port()
    server.running = True
    stopping, group = threading.Event(), 0 if own_group else None

    def stop() -> None:
        stopping.set()
        server.stop()

    atexit.register(stop)
    try:
        child = _start(server, log, group)
    except BaseException:
        stop()
        raise
    threading.Thread(
        target=_keep, args=(log, child, stopping, partial(_start, server, log, group)), daemon=True
    ).start()


def _start(
    server: "SubprocessASGIServer", log: Path, group: int | None
) -> "subprocess.Popen[bytes]":
    """Start the process of the server. Raises DidNotStart."""
    starting = ChildStart("the temporary Prefect server", log)
    address = ("--host", "127.0.0.1", "--port", str(server.port), "--log-level", "error")
    code = ("--app-dir", str(prefect.__module_path__.parent), "--lifespan", "on", "--factory")
    settings = get_current_settings().to_environment_variables(exclude_unset=True)
    with log.open("ab") as file:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
            [
                sys.executable,
                "-m",
                "flows.cli.temporary_server_process",
                str(os.getpid()),
                *code,
                "prefect.server.api.server:create_app",
                *address,
            ],
            env={**os.environ, **VARIABLES, **settings},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            process_group=group,
        )
    server.server_process = child
    starting.wait(child, lambda: _is_healthy(server.port or 0))
    return child


def _keep(
    log: Path,
    child: "subprocess.Popen[bytes]",
    stopping: threading.Event,
    start: Callable[[], "subprocess.Popen[bytes]"],
) -> None:
    """Start the server again at the same address when it is killed, a few times."""
    for _ in range(MOST_RESTARTS):
        died = ChildStart("the temporary Prefect server", log)
        if child.wait() in ON_PURPOSE or stopping.is_set():
            return
        print(died.failed(f"ended ({child.returncode}) and is started again"), file=sys.stderr)
        try:
            child = start()
        except AgentError as error:
            print(f"error: {error}", file=sys.stderr)
            return


def _require_writable(home: Path) -> Path:
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            return home
    except OSError as error:
        raise HomeNotWritable(home, error.strerror or str(error)) from None


def _is_healthy(port: int) -> bool:
    """Whether the server answers; asked without a proxy, whatever the environment says."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HEALTH_SECONDS)
    try:
        connection.request("GET", "/api/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
