"""Policies: how agents of one kind run, how an unknown outcome is settled, and how long retries wait."""

import os
import random
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

CORES = os.cpu_count() or 1
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Policy:
    """Retries, time limits, concurrency and resources of an agent.

    `attempts` is the budget over all processes and restarts; `timeout`, `ceiling`, `backoff` and
    `backoff_cap` are seconds. Without a `timeout` it is learned from the calls before, and `ceiling`
    is its upper bound. `second_attempt`: a call that takes longer than usual gets a second attempt beside it
    (pure agents only). `concurrency` is the number of items that run at once; `limit` is the name of the
    Prefect concurrency limit of which a task run occupies one slot for each of them. With `process`
    each call runs in a process of its own, which may take `memory` bytes and is killed at its
    timeout. Results of a pure agent are shared between processes and runs for `cache_seconds`;
    0 means not at all. A notice that is certainly unsent is tried again for `retry_for` seconds.
    """

    name: str
    attempts: int
    concurrency: int
    timeout: float | None = None
    ceiling: float = 60.0
    second_attempt: bool = False
    backoff: float = 0.1
    backoff_cap: float = 30.0
    effect: bool = False
    cached: bool = False
    limit: str | None = None
    process: bool = False
    memory: int | None = None
    cache_seconds: float = 0.0
    retry_for: float = DAY

    def cached_for(self, seconds: float) -> "Policy":
        """The same policy with results that processes share for `seconds`.

        This pays for calls that take longer than a look-up in Redis, about 1 ms. Raises TypeError
        for agents that are not pure.
        """
        if not self.cached:
            raise TypeError(f"{self.name}: only results of pure agents can be shared")
        return replace(self, cache_seconds=seconds)

    def limited_by(self, limit: str) -> "Policy":
        """The same policy under a named concurrency limit on an outside system."""
        return replace(self, limit=limit)


PURE = Policy("pure", attempts=1, ceiling=30, concurrency=1, cached=True, second_attempt=True)
READ = Policy("read", attempts=5, ceiling=10, concurrency=32, second_attempt=True)
MODEL = Policy("model", attempts=3, concurrency=4)  # a second call would cost its tokens again
CPU = Policy(
    "cpu", attempts=3, concurrency=CORES, process=True, memory=2 * 1024**3, second_attempt=True
)
EFFECT = Policy("effect", attempts=6, ceiling=10, concurrency=32, effect=True)
# A message holds no item, so it may take longer than a lease; a mail server answers when it has checked it.
MESSAGE = Policy(
    "message",
    attempts=6,
    timeout=40,
    concurrency=32,
    backoff=1.0,
    backoff_cap=900.0,
    effect=True,
    limit="notifications",
    retry_for=DAY,
)


Find = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Lookup:
    """Settle by asking the provider: `find` takes the agent's parameters and returns its fact or None.

    None means that nothing happened: the call is repeated, with the same key unless that is spent.
    """

    find: Find


@dataclass(frozen=True, slots=True)
class SameKey:
    """Settle by repeating the call with the same key, while the provider remembers it (`horizon`).

    When the key is spent or forgotten, `find` asks the provider, as that of a Lookup does.
    """

    horizon: timedelta = timedelta.max  # of a provider that never forgets a key
    find: Find | None = None


@dataclass(frozen=True, slots=True)
class AtMostOnce:
    """Never repeat the call: an unknown outcome counts as done (e-mail, chat)."""

    find: None = None


AT_MOST_ONCE = AtMostOnce()
Settle = Lookup | SameKey | AtMostOnce


LOTS = random.Random()  # noqa: S311 - no secret; a generator of its own lets a simulation repeat it
LONGEST_SLEEP = 1.0  # seconds within a task run; an item that must wait longer leaves the batch
LONGEST_WAIT = 3600.0  # seconds that an item is delayed at most; a longer wait is of a wrong clock

RETRY_SCALE: ContextVar[float] = ContextVar("retry_scale", default=1.0)


def wait_before(
    policy: Policy, attempt: int, retry_after: float | None = None, rng: random.Random | None = None
) -> float:
    """Seconds to wait after failed attempt number `attempt`, counted from 1.

    It is at least `retry_after` and at most LONGEST_WAIT.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    ceiling = min(policy.backoff_cap, policy.backoff * 2.0 ** (attempt - 1))
    jittered = (rng or LOTS).uniform(0, ceiling)
    return min(max(jittered, retry_after or 0.0), LONGEST_WAIT) * RETRY_SCALE.get()
