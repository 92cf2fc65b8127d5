"""How long to wait before trying again: exponential back-off with full jitter.

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from agents.runtime.policies import Policy

LOTS = random.Random()  # noqa: S311 - no secret; its own, so that a simulation can repeat them
LONGEST_SLEEP = 1.0  # seconds inside a task run; a longer wait leaves the batch

_scale: ContextVar[float] = ContextVar("retry_scale", default=1.0)


def wait_before(
    policy: Policy, attempt: int, retry_after: float | None = None, rng: random.Random | None = None
) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1), at least `retry_after`."""
    ceiling = min(policy.backoff_cap, policy.backoff * 2.0 ** (attempt - 1))
    jittered = (rng or LOTS).uniform(0, ceiling)
    return max(jittered, retry_after or 0.0) * _scale.get()


@contextmanager
def instant_retries() -> Iterator[None]:
    """Within the block nothing waits before it is tried again: for tests of what follows."""
    token = _scale.set(0.0)
    try:
        yield
    finally:
        _scale.reset(token)
