"""Hooks that only tests use: fail points, another clock, retries that do not wait.

Source: fail points as in the tests of SQLite and FoundationDB, each a moment at which power may fail.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from agents.runtime.clock import CLOCK, Clock
from agents.runtime.model.policies import RETRY_SCALE

_armed: dict[str, int] = {}


def failpoint(name: str) -> None:
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


@contextmanager
def run_by(other: Clock) -> Iterator[None]:
    """Within the block, and in the tasks it starts, another clock gives the time."""
    token = CLOCK.set(other)
    try:
        yield
    finally:
        CLOCK.reset(token)


@contextmanager
def instant_retries() -> Iterator[None]:
    """Within the block nothing waits before it is tried again: for tests of what follows."""
    token = RETRY_SCALE.set(0.0)
    try:
        yield
    finally:
        RETRY_SCALE.reset(token)
