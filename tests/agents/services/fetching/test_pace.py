"""A host is asked as much as it bears."""

import asyncio

from agents.services.fetching.pace import FIRST, MOST, Pace


async def test_never_more_at_once_than_the_limit() -> None:
    pace, running, most = Pace(), 0, 0

    async def ask() -> None:
        nonlocal running, most
        async with pace.turn():
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(ask() for _ in range(50)))
    assert most == FIRST


async def test_it_doubles_a_round_until_the_host_says_stop_then_grows_by_one() -> None:
    pace = Pace()
    for _ in range(int(FIRST)):
        pace.went_well()
    assert pace.limit == 2 * FIRST
    pace.too_much(0)
    assert pace.limit == FIRST
    for _ in range(int(FIRST)):
        pace.went_well()
    assert FIRST + 0.9 < pace.limit <= FIRST + 1
    for _ in range(20):
        pace.too_much(0)
    assert pace.limit == 1
    for _ in range(10_000):
        pace.went_well()
    assert pace.limit == MOST


async def test_nobody_is_asked_while_the_host_rests() -> None:
    pace, clock = Pace(), asyncio.get_running_loop()
    pace.too_much(0.05)
    begun = clock.time()
    async with pace.turn():
        assert clock.time() - begun >= 0.04
