"""Every command says in a line or two why it cannot work, and ends soon after Ctrl-C in every phase."""

import errno
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from agents.runtime.settings import PREFIX, ROOT
from flows.cli.error_messages import explained
from tests.flows.cli.test_commands import Terminal, lines_of
from tests.flows.cli.test_commands import connected as connected  # noqa: PLC0414 - a fixture
from tests.flows.cli.test_commands import terminal as terminal  # noqa: PLC0414 - what it stands on

pytestmark = pytest.mark.slow

NO_FOLDER = {"data": "/proc"}, "the data folder /proc cannot be used"
BAD_SETTING = {"queue_limit": "many"}, f"{PREFIX}QUEUE_LIMIT: Input should be a valid integer"
COMMANDS = {
    "flows.order_processing": NO_FOLDER,
    "flows.customer_service": BAD_SETTING,
    "flows.operations.consumer": NO_FOLDER,
    "flows.operations.serving": BAD_SETTING,
}
SHOW = """
from flows.cli.commands import ENDING, _show
from flows.cli.reports import Listing
from agents.runtime.command_line import explained, in_words
in_words(lambda: _show(Listing(title="x"), "", as_json=False), ENDING, explained)
"""
MAIN = 'if __name__ == "__main__":'
SECONDS = 10  # from Ctrl-C to the end


def started(
    terminal: Terminal, *arguments: str, settings: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A command in a session of its own, with pipes."""
    changed = {PREFIX + name.upper(): value for name, value in (settings or {}).items()}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=terminal.environment | changed,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        start_new_session=True,
    )


def ended(running: subprocess.Popen[bytes]) -> subprocess.CompletedProcess[bytes]:
    output, errors = running.communicate(timeout=120)
    return subprocess.CompletedProcess(running.args, running.returncode, output, errors)


@pytest.mark.campaign
def test_a_command_names_what_it_cannot_work_with_before_it_starts_a_server(
    terminal: Terminal,
) -> None:
    running = {
        started(terminal, "-m", module, settings=settings): words
        for module, (settings, words) in COMMANDS.items()
    }
    results = [(ended(one), words) for one, words in running.items()]
    for one, words in results:
        assert one.returncode == 2, one
        assert words in " ".join(lines_of(one))
        assert len(lines_of(one)) <= 2


def test_every_module_that_can_be_run_ends_in_words() -> None:
    """Other modules with a main are started by this project itself, or by its maintainers."""
    ours = ("flows", "deployments", "agents/services/sandbox")
    paths = [path for folder in ours for path in (ROOT / folder).rglob("*.py")]
    mains = {
        path.relative_to(ROOT).as_posix(): text.partition(MAIN)[2]
        for path in paths
        if MAIN in (text := path.read_text("utf-8"))
    }
    del mains["deployments/images/healthy.py"]  # a probe, which imports nothing of ours
    del mains["flows/cli/local_server_process.py"]  # uvicorn, which ends in its own words
    del mains["flows/operations/bulk_worker.py"]  # its run says what became of it
    assert len(mains) > 10
    for path, main in mains.items():
        assert re.search(r"^    (command|commands|run_command)\(", main, re.MULTILINE), path


@pytest.mark.parametrize("folder", ["/proc", "a file"])
def test_the_sandbox_names_a_folder_that_it_cannot_use(terminal: Terminal, folder: str) -> None:
    path = terminal.home / folder
    if folder == "a file":
        path.write_bytes(b"")
    one = terminal.run("-m", "agents.services.sandbox", "--data", str(path))
    assert one.returncode == 1
    [line] = lines_of(one)
    assert str(path) in line


@pytest.mark.parametrize(
    "error,words",
    [
        (sqlite3.OperationalError("database or disk is full"), "free some space on the disk"),
        (OSError(errno.ENOSPC, "No space left on device"), "free some space on the disk"),
        (httpx.ConnectError("All connection attempts failed"), "start the Prefect server"),
    ],
)
def test_what_helps_is_said(error: Exception, words: str) -> None:
    text, status = explained({}, error)
    assert status == 1
    assert words in text.splitlines()[1]


@pytest.mark.campaign
def test_a_report_that_nobody_reads_ends_the_command_without_words() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    one = subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=ROOT,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(writing)
    assert (one.returncode, one.stderr) == (141, b"")


def test_a_command_ends_while_its_server_starts(terminal: Terminal, tmp_path: Path) -> None:
    """The server goes on, for the next command, and ends when nobody uses it."""
    running = started(replace(terminal, home=tmp_path), "-m", "flows.operations", "waiting")
    begins = tmp_path / "prefect" / "local-server"
    wait_until(lambda: any(begins.glob("*/server.log")), running)
    begun = time.monotonic()
    running.send_signal(signal.SIGINT)
    one = ended(running)
    assert one.returncode == 130
    assert time.monotonic() - begun < SECONDS
    assert lines_of(one) == [
        "stopped: unfinished work is handed back; run the same command again to finish it"
    ]
    assert session_of(running) == [], "nothing of it is left"


@pytest.mark.campaign
def test_a_conversation_ends_while_it_waits_for_a_line(connected: Terminal) -> None:
    local = {"concurrency": "local"}
    running = started(connected, "-m", "flows.customer_service", settings=local)
    assert running.stdout is not None
    found = b""
    while b"you> " not in found:
        found += os.read(running.stdout.fileno(), 65_536)
        assert running.poll() is None
    begun = time.monotonic()
    running.send_signal(signal.SIGINT)
    one = ended(running)
    assert one.returncode == 130
    assert time.monotonic() - begun < SECONDS
    assert len(lines_of(one)) == 1


def test_ctrl_c_while_modules_are_imported_shows_no_stack_trace(terminal: Terminal) -> None:
    running = started(terminal, "-m", "flows.order_processing")
    wait_until(lambda: is_importing_prefect(running), running)
    running.send_signal(signal.SIGINT)
    one = ended(running)
    assert one.returncode == -signal.SIGINT
    assert lines_of(one) == ["stopped before it began"]


def is_importing_prefect(running: subprocess.Popen[bytes]) -> bool:
    """Whether it has loaded the compiled module that Prefect's own modules need first."""
    with suppress(OSError):
        return "_pydantic_core" in Path(f"/proc/{running.pid}/maps").read_text(encoding="utf-8")
    return False


def session_of(running: subprocess.Popen[bytes]) -> list[int]:
    """The processes of its session that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, session = stat.read_text("utf-8").rpartition(")")[2].split()[:4]
            if int(session) == running.pid and state != "Z":
                found.append(int(stat.parent.name))
    return found


def wait_until(condition: Callable[[], bool], running: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert running.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
