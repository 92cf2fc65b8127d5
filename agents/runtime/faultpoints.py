"""Named places in the code at which a test may kill its own process. Nothing but a test arms one.

Source: fail points as in SQLite's and FoundationDB's tests, each a moment at which power may fail.
"""

import os
import signal

_armed: dict[str, int] = {}


def point(name: str) -> None:
    """Die here by SIGKILL if a test armed this point and this is the hit it asked for."""
    if _armed:
        _hit(name)


def arm(points: dict[str, int]) -> None:
    """Arm points of this process: name -> at which hit, counted from 1, to die."""
    _armed.update(points)


def _hit(name: str) -> None:
    if name in _armed:
        _armed[name] -= 1
        if _armed[name] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
