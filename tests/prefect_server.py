"""A Prefect server of a test's own, and process workers for it, as child processes."""

import atexit
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import certifi
import httpx
import pytest

from tests.memory import new_folder

ROOT = Path(__file__).resolve().parents[1]
PREFECT = (sys.executable, "-m", "prefect")
DATABASE = "prefect.db"
START_SECONDS = 250
STOP_SECONDS = 20


@dataclass(frozen=True, slots=True)
class MigratedPrefect:
    """The database of a server that has just started, once a process of this test run has one.

    Prefect's migrations take more than three seconds of processor time. The first server does them; homes
    that are filled later begin with its database.
    """

    path: Path

    def keep(self, home: Path) -> None:
        """Keep a copy of the database in this home, unless there is one."""
        if self.path.exists():
            return
        copy = self.path.with_suffix(f".{os.getpid()}")
        with closing(sqlite3.connect(home / DATABASE)) as own, closing(sqlite3.connect(copy)) as to:
            own.backup(to)
        copy.replace(self.path)

    def fill(self, home: Path) -> None:
        """Create the home, with that database if there is one."""
        home.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            shutil.copyfile(self.path, home / DATABASE)


@dataclass(frozen=True, slots=True)
class PrefectServer:
    """A running server: `url` is its API, `home` the folder with its database and logs.

    `more` is what its environment has beyond that of all servers of tests.
    """

    url: str
    home: Path
    root: Path = ROOT
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What a child process needs to use this server and no other."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        own = {
            "DO_NOT_TRACK": "1",
            "PREFECT_API_SSL_CERT_FILE": str(one_certificate(self.home)),
            "PREFECT_API_URL": self.url,
            "PREFECT_HOME": str(self.home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PWD": str(self.root),  # prefect.yaml asks for it, and cwd= does not set it
        }
        return {**inherited, **own, **self.more}

    def run(self, *command: str, seconds: float = 240) -> subprocess.CompletedProcess[str]:
        """Run a command in the project's root against this server."""
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def prefect(self, *arguments: str, seconds: float = 240) -> subprocess.CompletedProcess[str]:
        """Run the `prefect` command line against this server."""
        return self.run(*PREFECT, *arguments, seconds=seconds)

    @contextmanager
    def worker(self, pool: str = "default") -> Iterator[subprocess.Popen[bytes]]:
        """A process worker of the pool; its log and its flows' is `worker.log` in `home`."""
        arguments = ("worker", "start", "--pool", pool, "--type", "process")
        with child(self, arguments, self.home / "worker.log") as process:
            yield process


def one_certificate(folder: Path) -> Path:
    """A file in the folder with one of all trusted certificates.

    Prefect loads them for each of its clients, and a command such as `prefect deploy` makes hundreds,
    though these servers have no TLS.
    """
    path = folder / "certificate.pem"
    if not path.exists():
        first, end, _ = (
            Path(certifi.where()).read_text("utf-8").partition("-----END CERTIFICATE-----")
        )
        path.write_text(first + end, "utf-8")
    return path


@contextmanager
def child(
    server: PrefectServer, arguments: tuple[str, ...], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A `prefect` command in a process group of its own, gone with all its children at the end."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*PREFECT, *arguments],
            cwd=server.root,
            env=server.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        end_group(process.pid)
        process.wait(STOP_SECONDS)


def end_group(group: int) -> None:
    """Kill what is left of a process group that we started."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


@contextmanager
def running_server(
    home: Path, *, ui: bool = False, more: Mapping[str, str] | None = None
) -> Iterator[PrefectServer]:
    """A server on a free port of 127.0.0.1, with its database in `home`, and with or without its UI."""
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    server = PrefectServer(f"http://127.0.0.1:{port}/api", home, more=more or {})
    with serving(server, ui=ui):
        yield server


@contextmanager
def serving(server: PrefectServer, *, ui: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """The server's process, up for as long as the block lasts; it may be started again later."""
    _, _, port = server.url.removesuffix("/api").rpartition(":")
    pages = "--ui" if ui else "--no-ui"
    arguments = ("server", "start", "--host", "127.0.0.1", "--port", port, pages)
    log = server.home / "server.log"
    with child(server, arguments, log) as process:
        wait_until_healthy(server, process, log)
        yield process


def wait_until_healthy(server: PrefectServer, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when our own child answers; fail with its log if it died or somebody else answers."""
    until = time.monotonic() + START_SECONDS
    with httpx.Client(trust_env=False, timeout=30) as client:
        while time.monotonic() < until:
            assert process.poll() is None, log.read_text(errors="replace")[-4000:]
            try:
                settings = client.get(f"{server.url}/admin/settings").raise_for_status().json()
            except httpx.HTTPError:
                time.sleep(0.1)
            else:
                assert Path(settings["home"]) == server.home, "another server answers on this port"
                return
    pytest.fail(log.read_text(errors="replace")[-4000:])


@cache
def shared_home() -> Path:
    """A home of Prefect for all commands of this process's tests, which so share its local server."""
    home = new_folder("prefect-home-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)  # with it the server ends
    return home


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def migrated_prefect(tmp_path_factory: pytest.TempPathFactory) -> MigratedPrefect:
    """One for all processes of the test run: the folders of xdist's processes lie in one."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    return MigratedPrefect(folder / DATABASE)


@pytest.fixture(scope="session")
def prefect_server(
    tmp_path_factory: pytest.TempPathFactory, migrated_prefect: MigratedPrefect
) -> Iterator[PrefectServer]:
    """One server for all tests that need a real one; it migrates a database from nothing."""
    with running_server(tmp_path_factory.mktemp("prefect-home")) as server:
        migrated_prefect.keep(server.home)
        yield server
