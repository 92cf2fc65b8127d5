"""What is said with a state change is heard once by every group, in an item's order; or by nobody."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import insert, select

from agents.runtime.context import Runtime
from agents.runtime.journal.schema import inbox, messages, positions
from agents.runtime.messaging import Delivery, TooLarge, Transaction, open_bus, publish, subscribe
from agents.runtime.model.message import LARGEST_BODY, Topic
from agents.runtime.settings import Settings
from agents.runtime.telemetry import enter_item
from tests.agents.runtime.messaging.mailbox import ECHO, NEWS, Told, eventually, office, rows


@pytest.mark.slow
async def test_every_group_hears_what_was_committed_once_and_nothing_else(
    opened: Runtime, journal_settings: Settings
) -> None:
    heard: dict[str, list[int]] = {"a": [], "b": []}

    @subscribe(NEWS, "a")
    async def first(told: Told, _: Delivery) -> None:
        heard["a"].append(told.n)

    @subscribe(NEWS, "b")
    async def second(told: Told, _: Delivery) -> None:
        heard["b"].append(told.n)

    async with office(journal_settings, first, second) as bus:
        with pytest.raises(RuntimeError):
            await _say_and_fail(bus.transaction())
        for n in range(20):
            await bus.publish(NEWS, Told(n=n))
        async with opened.journal.database.write() as connection:
            await publish(connection, NEWS, Told(n=20))
        await eventually(lambda: min(len(said) for said in heard.values()) == 21)
        await eventually(lambda: _all_done(opened, 42))
    assert sorted(heard["a"]) == sorted(heard["b"]) == list(range(21))


@pytest.mark.slow
async def test_what_a_handler_writes_and_says_is_one_commit_with_its_inbox_row(
    opened: Runtime, journal_settings: Settings
) -> None:
    tried, echoes = list[int](), list[int]()

    @subscribe(NEWS, "writes")
    async def write(told: Told, delivery: Delivery) -> None:
        tried.append(told.n)
        async with delivery.transaction() as transaction:
            row = {"item": told.n, "sequence": 0}
            await transaction.connection.execute(insert(positions).values(row))
            await transaction.publish(ECHO, Told(n=told.n + 1))
            if len(tried) == 1:
                raise RuntimeError("the first time")

    @subscribe(ECHO, "echoes")
    async def echo(told: Told, _: Delivery) -> None:
        echoes.append(told.n)

    async with office(journal_settings, write, echo) as bus:
        await bus.publish(NEWS, Told(n=7))
        await eventually(lambda: bool(echoes))
        await eventually(lambda: _all_done(opened, 2))
    assert (tried, echoes) == ([7, 7], [8])
    assert await rows(opened.journal.database, messages) == 2


@pytest.mark.slow
async def test_messages_of_an_item_are_handled_in_their_order(
    opened: Runtime, journal_settings: Settings
) -> None:
    heard: dict[str, list[int]] = {"x": [], "y": []}

    @subscribe(NEWS, "ordered", concurrency=16)
    async def listen(told: Told, _: Delivery) -> None:
        await asyncio.sleep(0.02 if told.n % 2 == 0 else 0)  # later ones would overtake
        heard[told.text].append(told.n)

    async with open_bus(journal_settings) as quiet:
        await quiet.register([listen])
        async with quiet.transaction() as transaction:
            for n in range(10):
                await transaction.publish(NEWS, Told(n=n, text="x"), item=1)
                await transaction.publish(NEWS, Told(n=n, text="y"), item=2)
            transaction.posted.reverse()
    async with office(journal_settings, listen):
        await eventually(lambda: sum(len(said) for said in heard.values()) == 20)
        await eventually(lambda: _all_done(opened, 20))
    assert heard == {"x": list(range(10)), "y": list(range(10))}


@pytest.mark.slow
async def test_duplicates_and_whole_streams_played_twice_change_nothing(
    opened: Runtime, journal_settings: Settings
) -> None:
    heard = list[int]()

    @subscribe(NEWS, "once")
    async def listen(told: Told, _: Delivery) -> None:
        heard.append(told.n)

    async with office(journal_settings, listen) as bus:
        async with bus.transaction() as transaction:
            for n in range(100):
                await transaction.publish(NEWS, Told(n=n))
            transaction.posted.extend(transaction.posted[::3])
        await eventually(lambda: len(heard) >= 100)
        stream = bus.outbox_relay.stream(NEWS.name)
        for _ in range(2):
            await bus.redis_client.run(lambda redis: redis.xgroup_setid(stream, "once", "0"))
            await bus.publish(NEWS, Told(n=100 + len(heard)))
            await eventually(lambda: heard[-1] >= 200)
            heard.pop()
        await eventually(lambda: _read_to_the_end(bus, stream))
    assert sorted(heard) == list(range(100))


async def test_a_message_tells_where_it_comes_from_and_how_large_it_may_be(
    opened: Runtime, journal_settings: Settings
) -> None:
    async with open_bus(journal_settings) as bus:
        enter_item("order-1", "ab" * 16)
        name = await bus.publish(NEWS, Told(text="hello"), item=5)
        async with opened.journal.database.read() as connection:
            row = (await connection.execute(select(messages))).one()
        assert (row.id, row.item, row.sequence, row.version) == (name, 5, 1, "1")
        assert row.trace.split("-")[1] == "ab" * 16
        with pytest.raises(TooLarge, match=f"{LARGEST_BODY} are allowed"):
            await bus.publish(NEWS, Told(text="x" * LARGEST_BODY))


async def test_a_message_of_an_earlier_release_is_upcast(
    opened: Runtime, journal_settings: Settings
) -> None:
    heard = list[Told]()
    newer = Topic("news", Told, "1.1", {"1.1": lambda form: form | {"text": "was empty"}})

    @subscribe(newer, "reads")
    async def listen(told: Told, _: Delivery) -> None:
        heard.append(told)

    async with office(journal_settings, listen) as bus:
        await bus.publish(NEWS, Told(n=1))
        await eventually(lambda: bool(heard))
    assert heard == [Told(n=1, text="was empty")]


async def _say_and_fail(said: Any) -> None:
    async with said as transaction:
        assert isinstance(transaction, Transaction)
        await transaction.publish(NEWS, Told(n=99))
        raise RuntimeError("the state change fails")


async def _all_done(journal: Runtime, count: int) -> bool:
    done = select(inbox.c.message).where(inbox.c.status == "handled")
    async with journal.journal.database.read() as connection:
        return len((await connection.execute(done)).all()) == count


async def _read_to_the_end(bus: Any, stream: str) -> bool:
    (group,) = await bus.redis_client.run(lambda redis: redis.xinfo_groups(stream))
    return bool(group["lag"] == 0 and group["pending"] == 0)
