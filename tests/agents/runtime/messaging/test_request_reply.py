"""A question has one answer, also after a crash, and a caller that asks again gets it."""

import asyncio

import pytest

from agents.runtime.context import Runtime
from agents.runtime.errors import Conflict, PermanentError
from agents.runtime.messaging import NoReply, RequestRefused, answer, open_bus
from agents.runtime.redis.signals import signal_key
from agents.runtime.settings import Settings
from tests.agents.runtime.messaging.mailbox import ADDING, Note, Sum, serving_bus

asked: list[int] = []


@answer(ADDING)
async def add(note: Note) -> Sum:
    asked.append(note.n)
    if note.n < 0:
        raise PermanentError("it must be positive")
    return Sum(total=note.n + 1)


@pytest.mark.slow
async def test_a_repeated_question_is_answered_once(
    opened: Runtime, journal_settings: Settings
) -> None:
    asked.clear()
    async with serving_bus(journal_settings, add) as bus:
        requests = [
            bus.request(ADDING, Note(n=n % 3), correlation=f"{n % 3}", seconds=10) for n in range(9)
        ]
        assert [reply.total for reply in await asyncio.gather(*requests)] == [1, 2, 3] * 3
        with pytest.raises(Conflict):
            await bus.request(ADDING, Note(n=7), correlation="1", seconds=1)
    async with open_bus(journal_settings) as later:
        again = await later.request(ADDING, Note(n=1), correlation="1", seconds=0.1)
    assert again == Sum(total=2), "the stored answer, without a process that serves"
    assert sorted(asked) == [0, 1, 2]


async def test_a_reply_that_a_stranger_says_over_redis_is_not_believed(
    opened: Runtime, journal_settings: Settings
) -> None:
    said = f"{'0' * 64} 1 {Sum(total=99).model_dump_json()}"

    @answer(ADDING)
    async def add_after_a_stranger(note: Note) -> Sum:
        key = signal_key("reply:adding:1")
        await bus.redis_client.run(lambda redis: redis.rpush(key, said))
        return Sum(total=note.n + 1)

    async with serving_bus(journal_settings, add_after_a_stranger) as bus:
        assert await bus.request(ADDING, Note(n=1), correlation="1", seconds=10) == Sum(total=2)


async def test_a_question_without_an_answer_in_time_can_be_asked_again(
    opened: Runtime, journal_settings: Settings
) -> None:
    asked.clear()
    async with open_bus(journal_settings) as bus:
        await bus.register([add])
        with pytest.raises(NoReply, match="no answer within"):
            await bus.request(ADDING, Note(n=1), correlation="late", seconds=0.05)
    async with serving_bus(journal_settings, add) as bus:
        await bus.request(ADDING, Note(n=2), correlation="other", seconds=10)
        assert asked == [2], "the late question is not handled"
        reply = await bus.request(ADDING, Note(n=1), correlation="late", seconds=10)
    assert reply == Sum(total=2)


@pytest.mark.slow
async def test_a_caller_gets_the_error_of_a_refused_question(
    opened: Runtime, journal_settings: Settings
) -> None:
    async with serving_bus(journal_settings, add) as bus:
        with pytest.raises(RequestRefused, match="it must be positive"):
            await bus.request(ADDING, Note(n=-1), correlation="-1", seconds=10)
