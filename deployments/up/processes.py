"""Child processes that are known by pid and start time, so that a pid that is used again is never signalled."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from agents.runtime.settings import ROOT

MARKER = "DEPLOYMENTS_UP"  # in the environment of all processes of an installation: its data folder
SAME_SECONDS = 0.5  # by which the start time of one process may seem to differ
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Identity:
    """A process: `started` is when, in seconds since 1970."""

    pid: int
    started: float


def living(identity: Identity) -> psutil.Process | None:
    """The process, if it still runs and is not another one with the same pid."""
    try:
        process = psutil.Process(identity.pid)
        same = abs(process.create_time() - identity.started) < SAME_SECONDS
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def identity_of(pid: int) -> Identity:
    """The identity of a process that runs. Raises psutil.NoSuchProcess."""
    return Identity(pid, psutil.Process(pid).create_time())


class Child:
    """A process that this one has started, or has found running."""

    def __init__(
        self, process: psutil.Process, started: subprocess.Popen[bytes] | None = None
    ) -> None:
        self.process, self._started = process, started
        self.identity = Identity(process.pid, process.create_time())

    def status(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs. One that was found ends with 0."""
        if self._started is not None:
            return self._started.poll()
        return None if living(self.identity) else 0

    def signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.status() is None:
            with suppress(psutil.Error):
                self.process.send_signal(number)

    def terminate(self, *, with_runs: bool) -> None:
        """Ask it to end, and with it the flow runs that it has started."""
        runs = flow_runs(self.process) if with_runs else []
        self.signal(signal.SIGTERM)
        for run in runs:
            with suppress(psutil.Error):
                run.terminate()

    def kill(self) -> None:
        """Kill it and what else is in its process group, which it leads."""
        self.signal(signal.SIGKILL)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.identity.pid, signal.SIGKILL)
        if self._started is not None:
            self._started.wait()


def start(argv: Sequence[str], environment: Mapping[str, str], log: Path) -> Child:
    """Start a process that leads its own group, and writes to the end of `log`. Raises OSError."""
    with log.open("ab") as output:
        started = subprocess.Popen(
            argv,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Child(psutil.Process(started.pid), started)


def flow_runs(worker: psutil.Process) -> list[psutil.Process]:
    """The processes of Prefect below a worker: each runs a flow, or has started one that does."""
    found = []
    with suppress(psutil.Error):
        for process in worker.children(recursive=True):
            with suppress(psutil.Error):
                if any(word.startswith("prefect") for word in process.cmdline()):
                    found.append(process)
    return found


def marked(folder: Path) -> list[psutil.Process]:
    """All processes of the installation of this data folder, but this one and those that started it."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid not in own and process.environ().get(MARKER) == str(folder):
                found.append(process)
    return found


def end(processes: Iterable[psutil.Process], seconds: float) -> None:
    """Ask processes to end, and kill after some seconds those that have not."""
    remaining = list(processes)
    for process in remaining:
        with suppress(psutil.Error):
            process.terminate()
    until = time.monotonic() + seconds
    _, remaining = psutil.wait_procs(remaining, timeout=max(0.0, until - time.monotonic()))
    for process in remaining:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(remaining, timeout=1.0)
