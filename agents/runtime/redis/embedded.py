"""The embedded Valkey of a data folder: its first user starts it, all others find it."""

import fcntl
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from agents.runtime.child_start import last_words
from agents.runtime.errors import AgentError
from agents.runtime.redis.valkey_supervisor import PID, USERS, is_alive, is_supervised, try_lock
from agents.runtime.settings import ROOT

FOLDER = "valkey"
START_SECONDS = 10.0
ANSWER_SECONDS = 0.5
HANG_SECONDS = 2.0  # a server that works answers sooner, even while it loads
POLL_SECONDS = 0.01
LONGEST_SOCKET = 100  # bytes; every system accepts a socket path of this length


class ValkeyUnavailable(AgentError):
    """The embedded server of this folder does not start or does not answer."""

    def __init__(self, folder: Path, problem: str) -> None:
        super().__init__(folder, problem)
        self.folder, self.problem = folder, problem

    def __str__(self) -> str:
        return f"valkey in {self.folder}: {self.problem}"


class EmbeddedValkey:
    """A user of the folder's server, which runs while it has users."""

    def __init__(self, data: Path) -> None:
        self.folder = data.resolve() / FOLDER
        self._user: IO[str] | None = None
        self._closed = False

    def ensure(self) -> Path:
        """The socket of the running server, which is started if needed. Raises ValkeyUnavailable."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = _socket_path(self.folder)
        try:
            self._wait_for(path)
        except ValkeyUnavailable:
            self.leave()  # a server that hangs ends when it has no users
            raise
        return path

    def is_running(self) -> bool:
        """Whether the folder's server is running."""
        return is_alive(self.folder)

    def leave(self) -> None:
        """Stop using the server, which ends with its last user."""
        user, self._user = self._user, None
        if user is not None:
            user.close()

    def close(self) -> None:
        """Leave for good: `ensure` in another thread leaves as well, and raises ValkeyUnavailable."""
        self._closed = True
        self.leave()

    def _wait_for(self, path: Path) -> None:
        supervisor, until = None, time.monotonic() + START_SECONDS
        while not (self._is_user() and is_supervised(self.folder) and answers(path, self.folder)):
            if supervisor is not None and (supervisor.poll() or 0) > 0:
                raise self._unavailable("it does not start")
            if is_supervised(self.folder) and is_alive(self.folder):
                until = min(until, time.monotonic() + HANG_SECONDS)
            elif self._user and (supervisor is None or supervisor.poll() is not None):
                supervisor = _start_supervisor(self.folder, path)
            if time.monotonic() > until:
                raise self._unavailable("it does not answer")
            time.sleep(POLL_SECONDS)

    def _unavailable(self, problem: str) -> ValkeyUnavailable:
        """The error with what server and supervisor wrote last."""
        logs = (self.folder / "supervisor.log", self.folder / "valkey.log")
        words = "\n".join(filter(None, map(last_words, logs)))
        return ValkeyUnavailable(
            self.folder, f"{problem}, see valkey.log and supervisor.log:\n{words}"
        )

    def _is_user(self) -> bool:
        """Take a shared lock as a user; False while a supervisor is ending its server."""
        if self._user is None:
            file = (self.folder / USERS).open("a")
            if not try_lock(file, fcntl.LOCK_SH):
                file.close()
                return False
            self._user = file
        if self._closed:  # after the user is set, so that either this or `close` finds it
            raise self._unavailable("its user has left")
        return True


def answers(path: Path, folder: Path) -> bool:
    """Whether a server answers at this socket and is the process that the folder's pid file names."""
    with suppress(OSError, ValueError, StopIteration), socket.socket(socket.AF_UNIX) as line:
        line.settimeout(ANSWER_SECONDS)
        line.connect(str(path))
        line.sendall(b"INFO server\r\n")
        info = line.recv(65536).decode().splitlines()
        pid = next(part for part in info if part.startswith("process_id:")).partition(":")[2]
        return int(pid) == int((folder / PID).read_text())
    return False


def _start_supervisor(folder: Path, path: Path) -> subprocess.Popen[bytes]:
    with (folder / "supervisor.log").open("ab") as log:
        supervisor = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [
                sys.executable,
                "-m",
                "agents.runtime.redis.valkey_supervisor",
                str(folder),
                str(path),
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    # Without a thread that waits for its end it would stay a zombie.
    threading.Thread(target=supervisor.wait, name="valkey-reaper", daemon=True).start()
    return supervisor


def _socket_path(folder: Path) -> Path:
    """A path in the folder or, if that is too long, in a temporary folder of this user."""
    path = folder / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET:
        return path
    own = Path(tempfile.gettempdir()) / f"agent-flows-{os.getuid()}"
    own.mkdir(mode=0o700, exist_ok=True)
    if own.stat().st_uid != os.getuid() or own.stat().st_mode & 0o077:
        raise ValkeyUnavailable(
            folder, f"{own} is open to other users: remove it, or set a shorter AGENT_FLOWS_DATA"
        )
    return own / f"{hashlib.sha256(os.fsencode(folder)).hexdigest()[:20]}.sock"
