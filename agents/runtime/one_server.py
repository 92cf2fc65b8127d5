"""What lets a folder have one server that other processes find: a lock, and a port that stays."""

import fcntl
import socket
from typing import IO


def is_alone(file: IO[str]) -> bool:
    """Whether this process holds the file's lock alone from now on; it never waits."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def listen(before: int) -> socket.socket:
    """A socket at the port that an earlier server had, so that its clients find this one; else at any.

    Args:
        before: The port; 0 if there was none.

    Raises OSError if no port is free.

    """
    for port in (before, 0):
        # With the protocol named, asyncio switches Nagle off; otherwise every answer takes 40 ms.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            listener.close()
            continue
        listener.listen(512)
        return listener
    raise OSError("no free port on 127.0.0.1")
