"""Messages published with a state change are handled once by every group, in the order of their item."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import insert, select

from agents.runtime.context import Runtime
from agents.runtime.journal.schema import inbox, messages, positions
from agents.runtime.messaging import Delivery, TooLarge, Transaction, open_bus, publish, subscribe
from agents.runtime.model.message import LARGEST_BODY, Topic
from agents.runtime.settings import Settings
from agents.runtime.telemetry import Work, enter
from tests.agents.runtime.messaging.mailbox import (
    ECHO,
    NEWS,
    Note,
    count_rows,
    eventually,
    serving_bus,
)


@pytest.mark.slow
async def test_every_group_handles_committed_messages_once(
    opened: Runtime, journal_settings: Settings
) -> None:
    received: dict[str, list[int]] = {"a": [], "b": []}

    @subscribe(NEWS, "a")
    async def first(note: Note, _: Delivery) -> None:
        received["a"].append(note.n)

    @subscribe(NEWS, "b")
    async def second(note: Note, _: Delivery) -> None:
        received["b"].append(note.n)

    async with serving_bus(journal_settings, first, second) as bus:
        with pytest.raises(RuntimeError):
            await _publish_and_fail(bus.transaction())
        for n in range(20):
            await bus.publish(NEWS, Note(n=n))
        async with opened.journal.database.write() as connection:
            await publish(connection, NEWS, Note(n=20))
        await eventually(lambda: min(len(numbers) for numbers in received.values()) == 21)
        await eventually(lambda: _all_done(opened, 42))
    assert sorted(received["a"]) == sorted(received["b"]) == list(range(21))


@pytest.mark.slow
async def test_writes_and_messages_of_a_handler_are_one_commit_with_its_inbox_row(
    opened: Runtime, journal_settings: Settings
) -> None:
    tried, echoes = list[int](), list[int]()

    @subscribe(NEWS, "writes")
    async def write(note: Note, delivery: Delivery) -> None:
        tried.append(note.n)
        async with delivery.transaction() as transaction:
            row = {"item": note.n, "sequence": 0}
            await transaction.connection.execute(insert(positions).values(row))
            await transaction.publish(ECHO, Note(n=note.n + 1))
            if len(tried) == 1:
                raise RuntimeError("the first time")

    @subscribe(ECHO, "echoes")
    async def echo(note: Note, _: Delivery) -> None:
        echoes.append(note.n)

    async with serving_bus(journal_settings, write, echo) as bus:
        await bus.publish(NEWS, Note(n=7))
        await eventually(lambda: bool(echoes))
        await eventually(lambda: _all_done(opened, 2))
    assert (tried, echoes) == ([7, 7], [8])
    assert await count_rows(opened.journal.database, messages) == 2


@pytest.mark.slow
async def test_messages_of_an_item_are_handled_in_their_order(
    opened: Runtime, journal_settings: Settings
) -> None:
    received: dict[str, list[int]] = {"x": [], "y": []}

    @subscribe(NEWS, "ordered", concurrency=16)
    async def listen(note: Note, _: Delivery) -> None:
        await asyncio.sleep(0.02 if note.n % 2 == 0 else 0)  # without order, later ones overtake
        received[note.text].append(note.n)

    async with open_bus(journal_settings) as quiet:
        await quiet.register([listen])
        async with quiet.transaction() as transaction:
            for n in range(10):
                await transaction.publish(NEWS, Note(n=n, text="x"), item=1)
                await transaction.publish(NEWS, Note(n=n, text="y"), item=2)
            transaction.envelopes.reverse()
    async with serving_bus(journal_settings, listen):
        await eventually(lambda: sum(len(numbers) for numbers in received.values()) == 20)
        await eventually(lambda: _all_done(opened, 20))
    assert received == {"x": list(range(10)), "y": list(range(10))}


@pytest.mark.slow
async def test_duplicates_and_streams_read_twice_change_nothing(
    opened: Runtime, journal_settings: Settings
) -> None:
    received = list[int]()

    @subscribe(NEWS, "once")
    async def listen(note: Note, _: Delivery) -> None:
        received.append(note.n)

    async with serving_bus(journal_settings, listen) as bus:
        async with bus.transaction() as transaction:
            for n in range(100):
                await transaction.publish(NEWS, Note(n=n))
            transaction.envelopes.extend(transaction.envelopes[::3])
        await eventually(lambda: len(received) >= 100)
        stream = bus.outbox_relay.stream(NEWS.name)
        for _ in range(2):
            await bus.redis_client.run(lambda redis: redis.xgroup_setid(stream, "once", "0"))
            await bus.publish(NEWS, Note(n=100 + len(received)))
            await eventually(lambda: received[-1] >= 200)
            received.pop()
        await eventually(lambda: _read_to_the_end(bus, stream))
    assert sorted(received) == list(range(100))


async def test_a_message_has_its_origin_and_a_size_limit(
    opened: Runtime, journal_settings: Settings
) -> None:
    async with open_bus(journal_settings) as bus:
        enter(Work("order-1", "ab" * 16))
        name = await bus.publish(NEWS, Note(text="hello"), item=5)
        async with opened.journal.database.read() as connection:
            row = (await connection.execute(select(messages))).one()
        assert (row.id, row.item, row.sequence, row.version) == (name, 5, 1, "1")
        assert row.trace.split("-")[1] == "ab" * 16
        with pytest.raises(TooLarge, match=f"{LARGEST_BODY} are allowed"):
            await bus.publish(NEWS, Note(text="x" * LARGEST_BODY))


async def test_a_message_of_an_earlier_release_is_upcast(
    opened: Runtime, journal_settings: Settings
) -> None:
    received = list[Note]()
    newer = Topic("news", Note, "1.1", {"1.1": lambda form: form | {"text": "was empty"}})

    @subscribe(newer, "reads")
    async def listen(note: Note, _: Delivery) -> None:
        received.append(note)

    async with serving_bus(journal_settings, listen) as bus:
        await bus.publish(NEWS, Note(n=1))
        await eventually(lambda: bool(received))
    assert received == [Note(n=1, text="was empty")]


async def _publish_and_fail(transaction: Any) -> None:
    async with transaction as opened:
        assert isinstance(opened, Transaction)
        await opened.publish(NEWS, Note(n=99))
        raise RuntimeError("the state change fails")


async def _all_done(opened: Runtime, count: int) -> bool:
    done = select(inbox.c.message).where(inbox.c.status == "handled")
    async with opened.journal.database.read() as connection:
        return len((await connection.execute(done)).all()) == count


async def _read_to_the_end(bus: Any, stream: str) -> bool:
    (group,) = await bus.redis_client.run(lambda redis: redis.xinfo_groups(stream))
    return bool(group["lag"] == 0 and group["pending"] == 0)
