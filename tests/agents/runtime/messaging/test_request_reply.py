"""A question has one answer, whoever dies in between, and a caller that comes back finds it."""

import asyncio

import pytest

from agents.runtime.context import Runtime
from agents.runtime.errors import Conflict, PermanentError
from agents.runtime.messaging import NoReply, RequestRefused, answer, open_bus
from agents.runtime.settings import Settings
from tests.agents.runtime.messaging.mailbox import ADDING, Sum, Told, office

asked: list[int] = []


@answer(ADDING)
async def add(told: Told) -> Sum:
    asked.append(told.n)
    if told.n < 0:
        raise PermanentError("only what is positive")
    return Sum(total=told.n + 1)


@pytest.mark.slow
async def test_a_question_is_answered_once_however_often_it_is_asked(
    opened: Runtime, journal_settings: Settings
) -> None:
    asked.clear()
    async with office(journal_settings, add) as bus:
        some = [
            bus.request(ADDING, Told(n=n % 3), correlation=f"{n % 3}", seconds=10) for n in range(9)
        ]
        assert [reply.total for reply in await asyncio.gather(*some)] == [1, 2, 3] * 3
        with pytest.raises(Conflict):
            await bus.request(ADDING, Told(n=7), correlation="1", seconds=1)
    async with open_bus(journal_settings) as later:
        again = await later.request(ADDING, Told(n=1), correlation="1", seconds=0.1)
    assert again == Sum(total=2), "nobody serves any more, the answer is stored"
    assert sorted(asked) == [0, 1, 2]


async def test_a_question_that_nobody_answered_in_time_may_be_asked_again(
    opened: Runtime, journal_settings: Settings
) -> None:
    asked.clear()
    async with open_bus(journal_settings) as bus:
        await bus.register([add])
        with pytest.raises(NoReply, match="nobody answered"):
            await bus.request(ADDING, Told(n=1), correlation="late", seconds=0.05)
    async with office(journal_settings, add) as bus:
        await bus.request(ADDING, Told(n=2), correlation="other", seconds=10)
        assert asked == [2], "its time was over"
        reply = await bus.request(ADDING, Told(n=1), correlation="late", seconds=10)
    assert reply == Sum(total=2)


@pytest.mark.slow
async def test_who_cannot_be_answered_is_told(opened: Runtime, journal_settings: Settings) -> None:
    async with office(journal_settings, add) as bus:
        with pytest.raises(RequestRefused, match="only what is positive"):
            await bus.request(ADDING, Told(n=-1), correlation="-1", seconds=10)
