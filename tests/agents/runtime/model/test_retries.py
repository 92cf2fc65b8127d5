"""Retry waits grow, are jittered over the whole range, are capped, and respect `retry_after`."""

import random
from dataclasses import replace

from agents.runtime.model.policies import READ, wait_before
from agents.runtime.testing import instant_retries

POLICY = replace(READ, backoff=0.1, backoff_cap=2.0)


def test_waits_lie_between_zero_and_a_ceiling_that_doubles_up_to_its_cap() -> None:
    rng = random.Random(7)
    for attempt, ceiling in [(1, 0.1), (2, 0.2), (3, 0.4), (5, 1.6), (6, 2.0), (60, 2.0)]:
        waits = [wait_before(POLICY, attempt, rng=rng) for _ in range(500)]
        assert 0 <= min(waits) < 0.1 * ceiling
        assert 0.9 * ceiling < max(waits) <= ceiling


def test_the_same_seed_gives_the_same_waits() -> None:
    first, second = ([wait_before(POLICY, n, rng=random.Random(3)) for n in (1, 2)] for _ in "ab")
    assert first == second


def test_a_wait_is_at_least_retry_after_even_beyond_the_cap() -> None:
    assert wait_before(POLICY, 1, retry_after=90) == 90
    assert wait_before(POLICY, 3, retry_after=0.001, rng=random.Random(1)) > 0.001


def test_instant_retries_end_with_their_block() -> None:
    with instant_retries():
        assert wait_before(POLICY, 9, retry_after=90) == 0
        with instant_retries():
            pass
        assert wait_before(POLICY, 9, retry_after=90) == 0
    assert wait_before(POLICY, 1, retry_after=1) == 1
