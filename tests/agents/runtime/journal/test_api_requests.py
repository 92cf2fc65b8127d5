"""A key, what it was used for and its first answer are stored with the item, or not at all."""

import asyncio

import pytest
from sqlalchemy.exc import IntegrityError

from agents.runtime.context import Runtime
from agents.runtime.journal import api_requests as api_requests_module
from agents.runtime.journal.api_requests import (
    Answer,
    KeyReused,
    Offer,
    RequestKey,
    accept_offers,
    first_answers,
    forget_keys,
    use_key,
)
from agents.runtime.journal.database import Database
from agents.runtime.journal.gateway_schema import api_requests
from agents.runtime.journal.schema import history, items
from agents.runtime.journal.submit import Accepted, Disposition, NewItem, Sender
from tests.agents.runtime.jobs import new_items, rows

SENDER = Sender("default", "jobs", "1")


def answered(accepted: Accepted) -> Answer:
    if accepted.disposition is Disposition.CONFLICT:
        return Answer(409, "conflict")
    return Answer(202, f"{accepted.row.key} {accepted.row.sequence}", {"ETag": '"1"'})


def offer(item: str, key: str = "", fingerprint: str = "f", body: str = "{}") -> Offer:
    (new,) = new_items([item], body)
    used = RequestKey("default", key, fingerprint) if key else None
    return Offer(SENDER, new, answered, used)


async def accept(opened: Runtime, *offers: Offer) -> list[Answer | KeyReused]:
    return await accept_offers(opened.journal.database, offers)


async def test_the_same_key_gets_the_first_answer_and_another_request_none(opened: Runtime) -> None:
    first = await accept(opened, offer("a", "k1"), offer("b", "k2"), offer("c"))
    assert first == [
        Answer(202, "a 1", {"ETag": '"1"'}),
        Answer(202, "b 1", {"ETag": '"1"'}),
        Answer(202, "c 1", {"ETag": '"1"'}),
    ]
    again = await accept(opened, offer("d"), offer("a", "k1"), offer("e", "k2", "other"))
    assert again[:2] == [Answer(202, "d 1", {"ETag": '"1"'}), first[0]]
    assert isinstance(again[2], KeyReused)
    assert sorted(row.key for row in await rows(items)) == ["a", "b", "c", "d"]


async def test_a_known_item_stays_one_item_with_one_history(opened: Runtime) -> None:
    """Also where it comes again with its trace, as a request does that is sent twice."""
    one = offer("a")
    first, again = await accept(opened, one, one), await accept(opened, one)
    assert first == again * 2
    assert len(await rows(items)) == len(await rows(history)) == 1


async def test_of_two_bodies_with_one_key_the_first_is_stored(opened: Runtime) -> None:
    two = await accept(opened, offer("a", body='{"n":1}'), offer("a", body='{"n":2}'))
    assert [getattr(answer, "status", None) for answer in two] == [202, 409]
    assert [row.body for row in await rows(items)] == ['{"n":1}']


async def test_a_refused_item_leaves_its_key_free(opened: Runtime) -> None:
    await accept(opened, offer("a"))
    (refused,) = await accept(opened, offer("a", "k", body='{"n":2}'))
    (taken,) = await accept(opened, offer("b", "k", "other"))
    assert (refused, taken) == (Answer(409, "conflict"), Answer(202, "b 1", {"ETag": '"1"'}))


async def test_nothing_is_stored_without_its_answer(opened: Runtime) -> None:
    def fail(_: Accepted) -> Answer:
        raise RuntimeError("killed between")

    good, bad = offer("a", "k"), offer("b", "l")
    with pytest.raises(RuntimeError):
        await accept(opened, good, Offer(SENDER, bad.item, fail, bad.key))
    assert await rows(items) == await rows(api_requests) == []


async def test_tenants_do_not_share_keys(opened: Runtime) -> None:
    other = Offer(
        Sender("other", "jobs", "1"),
        NewItem("a", "{}", "h", "t"),
        answered,
        RequestKey("other", "k", "another fingerprint"),
    )
    answers = await accept(opened, offer("a", "k"), other)
    assert [getattr(answer, "status", None) for answer in answers] == [202, 202]
    assert len(await rows(items)) == 2


async def test_processes_that_use_one_key_at_once_store_one_item(opened: Runtime) -> None:
    """The loser of a race learns it by an error of the database, and knows the key afterwards."""

    async def once(name: str) -> Answer | KeyReused:
        while True:
            try:
                return (await accept(opened, offer(name, "k", name)))[0]
            except IntegrityError:
                continue

    answers = await asyncio.gather(*(once(f"a{n}") for n in range(8)))
    assert sum(isinstance(answer, Answer) for answer in answers) == 1
    assert len(await rows(items)) == len(await rows(api_requests)) == 1


async def test_a_key_is_used_once_for_a_request_of_many_lines(opened: Runtime) -> None:
    database, key = opened.journal.database, RequestKey("default", "k", "f")
    await use_key(database, key)
    await use_key(database, key)
    with pytest.raises(KeyReused):
        await use_key(database, RequestKey("default", "k", "other"))
    line = offer("a")
    (first,) = await accept(opened, Offer(SENDER, line.item, answered, key.of_line(1, "x")))
    lines = [key.of_line(1, "x"), key.of_line(2, "x"), key.of_line(1, "y")]
    found = await first_answers(database, lines)
    assert found[:2] == [first, None]
    assert isinstance(found[2], KeyReused)


async def test_keys_are_forgotten_and_their_items_are_not(
    opened: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.runtime.journal.api_requests.AT_ONCE", 2)
    database = opened.journal.database
    await accept(opened, *(offer(f"a{n}", f"k{n}") for n in range(5)))
    assert await forget_keys(database) == 0
    assert await forget_keys(database, older_than=-1) == 5
    assert await rows(api_requests) == []
    (again,) = await accept(opened, offer("a0", "k0", "another request"))
    assert again == Answer(202, "a0 1", {"ETag": '"1"'})
    assert len(await rows(items)) == 5


async def test_a_key_is_looked_up_and_not_searched_for(postgresql_url: str) -> None:
    """Also by a plan that was made while the table was empty."""
    database = Database(postgresql_url)
    keys = [RequestKey("default", f"k{n}", "f") for n in range(0, 2_000, 100)]
    for _ in range(10):
        await first_answers(database, keys)
    many = "SELECT 'default', 'k' || n, 'f', 202, '{}', '', n FROM generate_series(1, 2000) AS n"
    async with database.write() as connection:
        await connection.exec_driver_sql(f"INSERT INTO api_requests {many}")
    async with database.write() as connection:
        found = await api_requests_module._stored(connection, keys)
        read = await connection.exec_driver_sql(
            "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables "
            "WHERE relname = 'api_requests'"
        )
        assert read.scalar_one() <= 4 * len(keys)
    assert len(found) == len(keys) - 1
    await database.close()
