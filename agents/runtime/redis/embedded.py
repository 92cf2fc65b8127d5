"""The Valkey of a data folder: started by whoever needs it first, found by all others."""

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

from agents.runtime.errors import AgentError
from agents.runtime.redis.valkey_supervisor import PID, USERS, is_alive, is_kept, try_lock
from agents.runtime.settings import ROOT

FOLDER = "valkey"
START_SECONDS = 10.0
ANSWER_SECONDS = 0.5
HANG_SECONDS = 2.0  # a server that lives answers sooner, even while it loads
POLL_SECONDS = 0.01
LONGEST_SOCKET = 100  # bytes that every system takes as the path of a socket


class ValkeyUnavailable(AgentError):
    """The embedded server of this folder does not start or does not answer."""

    def __init__(self, folder: Path, problem: str) -> None:
        super().__init__(folder, problem)
        self.folder, self.problem = folder, problem

    def __str__(self) -> str:
        return f"valkey in {self.folder}: {self.problem}"


class EmbeddedValkey:
    """One user of the folder's server; it lives while it has users."""

    def __init__(self, data: Path) -> None:
        self.folder = data.resolve() / FOLDER
        self._user: IO[str] | None = None

    def ensure(self) -> Path:
        """The socket of the running server, started if need be. Raises NoValkey."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = _socket_of(self.folder)
        try:
            self._wait_for(path)
        except ValkeyUnavailable:
            self.leave()  # a server that hangs is ended when all its users have left
            raise
        return path

    def is_running(self) -> bool:
        """Whether somebody has started one."""
        return is_alive(self.folder)

    def leave(self) -> None:
        """Use it no more; the last one to leave ends it."""
        if self._user is not None:
            self._user.close()
            self._user = None

    def _wait_for(self, path: Path) -> None:
        keeper, until = None, time.monotonic() + START_SECONDS
        while not (self._joined() and is_kept(self.folder) and answers(path, self.folder)):
            if is_kept(self.folder) and is_alive(self.folder):
                until = min(until, time.monotonic() + HANG_SECONDS)
            elif self._user and (keeper is None or keeper.poll() is not None):
                keeper = _spawn(self.folder, path)
            if time.monotonic() > until:
                raise ValkeyUnavailable(
                    self.folder, "it does not answer, see valkey.log and keeper.log"
                )
            time.sleep(POLL_SECONDS)

    def _joined(self) -> bool:
        """Hold the users' lock: it is taken away only from a server that is just ending."""
        if self._user is None:
            file = (self.folder / USERS).open("a")
            if not try_lock(file, fcntl.LOCK_SH):
                file.close()
                return False
            self._user = file
        return True


def answers(path: Path, folder: Path) -> bool:
    """Whether a server answers there and is the process that its folder names."""
    with suppress(OSError, ValueError, StopIteration), socket.socket(socket.AF_UNIX) as line:
        line.settimeout(ANSWER_SECONDS)
        line.connect(str(path))
        line.sendall(b"INFO server\r\n")
        told = line.recv(65536).decode().splitlines()
        pid = next(part for part in told if part.startswith("process_id:")).partition(":")[2]
        return int(pid) == int((folder / PID).read_text())
    return False


def _spawn(folder: Path, path: Path) -> subprocess.Popen[bytes]:
    with (folder / "keeper.log").open("ab") as log:
        keeper = subprocess.Popen(  # noqa: S603 - our own interpreter and module
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
    # While we live somebody has to take note of its end, or it stays a zombie.
    threading.Thread(target=keeper.wait, name="valkey-reaper", daemon=True).start()
    return keeper


def _socket_of(folder: Path) -> Path:
    """In the folder, or where that is too long a name, in a folder of this user's own."""
    path = folder / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET:
        return path
    mine = Path(tempfile.gettempdir()) / f"agent-flows-{os.getuid()}"
    mine.mkdir(mode=0o700, exist_ok=True)
    if mine.stat().st_uid != os.getuid() or mine.stat().st_mode & 0o077:
        raise ValkeyUnavailable(
            folder, f"{mine} is open to others: remove it, or choose a shorter DATA"
        )
    return mine / f"{hashlib.sha256(os.fsencode(folder)).hexdigest()[:20]}.sock"
