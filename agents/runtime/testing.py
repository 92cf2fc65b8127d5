"""Hooks that only tests use: fail points, another clock, retries without waits.

Fail points are moments at which a process may crash, as in the tests of SQLite and FoundationDB.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from agents.runtime.clock import CLOCK, Clock
from agents.runtime.model.policies import RETRY_SCALE

_armed: dict[str, int] = {}


def failpoint(name: str) -> None:
    """Kill this process by SIGKILL if a test has armed this point for this hit."""
    if _armed:
        _hit(name)


def arm(points: dict[str, int]) -> None:
    """Arm points of this process: name -> the number of the hit, from 1, that kills it."""
    _armed.update(points)


def _hit(name: str) -> None:
    if name in _armed:
        _armed[name] -= 1
        if _armed[name] == 0:
            os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def run_by(other: Clock) -> Iterator[None]:
    """Within the block, and in tasks that it starts, another clock gives the time."""
    token = CLOCK.set(other)
    try:
        yield
    finally:
        CLOCK.reset(token)


@contextmanager
def instant_retries() -> Iterator[None]:
    """Within the block retries do not wait."""
    token = RETRY_SCALE.set(0.0)
    try:
        yield
    finally:
        RETRY_SCALE.reset(token)
