"""A conversation's turns are added one after the other, and a person takes over between two of them."""

import asyncio
from functools import partial

import pytest
from sqlalchemy import select

from agents.runtime.context import Runtime
from agents.runtime.journal import conversations
from agents.runtime.journal.api_requests import KeyReused, RequestKey
from agents.runtime.journal.conversations import (
    ConversationFull,
    NewMessage,
    NewTurn,
    StillAnswered,
    TakeOver,
    UnknownConversation,
)
from agents.runtime.journal.schema import items
from agents.runtime.journal.submit import NewItem, Sender
from agents.runtime.model.scenario import hash_of
from agents.runtime.trace_context import new_trace
from tests.agents.runtime.jobs import JOBS, Job, Provider, effect_of, run

SENDER = Sender("default", JOBS.name, JOBS.version)


def key_of(number: int) -> str:
    return f"talk#{number}"


def item(text: str, number: int) -> NewItem:
    body = Job(key=key_of(number), text=text).model_dump_json()
    return NewItem(key_of(number), body, hash_of(body), new_trace())


def turn(text: str = "hello", user: str = "yara", request: RequestKey | None = None) -> NewTurn:
    return NewTurn(user, SENDER, key_of, partial(item, text), request)


def taken(by: str = "ann", known: str = "") -> TakeOver:
    def waiting(turns: int, number: int) -> NewItem:
        key = f"{key_of(turns)}.{number}"
        return NewItem(key, "{}", hash_of("{}"), new_trace())

    return TakeOver(by, "angry", Sender("default", "handovers", "1"), waiting, known)


async def answer(number: int, provider: Provider) -> None:
    await run([Job(key=key_of(number), text="hello")], effect_of(provider))


async def test_turns_have_successive_numbers(opened: Runtime, provider: Provider) -> None:
    journal = opened.journal
    await conversations.begin(journal, "talk", "yara")
    assert await conversations.add_turn(journal, "talk", turn()) == 1
    with pytest.raises(StillAnswered, match="talk#1 is still being answered"):
        await conversations.add_turn(journal, "talk", turn())
    await answer(1, provider)
    assert await conversations.add_turn(journal, "talk", turn()) == 2


async def test_of_turns_at_the_same_time_one_is_added(opened: Runtime) -> None:
    await conversations.begin(opened.journal, "talk", "yara")
    tried = await asyncio.gather(
        *(conversations.add_turn(opened.journal, "talk", turn(f"text {n}")) for n in range(10)),
        return_exceptions=True,
    )
    assert sorted(map(str, tried)) == ["1", *["turn talk#1 is still being answered"] * 9]
    async with opened.journal.database.read() as connection:
        assert len((await connection.execute(select(items.c.id))).all()) == 1


async def test_a_request_is_one_turn_however_often_it_comes(opened: Runtime) -> None:
    journal, key = opened.journal, RequestKey("default", "k1", "print")
    await conversations.begin(journal, "talk", "yara")
    numbers = await asyncio.gather(
        *(conversations.add_turn(journal, "talk", turn(request=key)) for _ in range(5))
    )
    assert numbers == [1] * 5
    other = RequestKey("default", "k1", "another")
    with pytest.raises(KeyReused):
        await conversations.add_turn(journal, "talk", turn(request=other))


async def test_a_conversation_is_of_one_user_and_one_tenant(opened: Runtime) -> None:
    await conversations.begin(opened.journal, "talk", "yara")
    with pytest.raises(UnknownConversation):
        await conversations.add_turn(opened.journal, "talk", turn(user="omar"))
    with pytest.raises(UnknownConversation):
        await conversations.add_turn(opened.journal, "other", turn())


async def test_a_conversation_has_an_end(
    opened: Runtime, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "MOST_TURNS", 1)
    await conversations.begin(opened.journal, "talk", "yara")
    await conversations.add_turn(opened.journal, "talk", turn())
    await answer(1, provider)
    with pytest.raises(ConversationFull):
        await conversations.add_turn(opened.journal, "talk", turn())


async def test_a_take_over_is_before_or_after_a_turn(opened: Runtime) -> None:
    """Whichever commits first: the hand-over says after which turn the person answers."""
    journal = opened.journal
    await conversations.begin(journal, "talk", "yara")
    number, key = await asyncio.gather(
        conversations.add_turn(journal, "talk", turn()),
        conversations.take_over(journal, "talk", taken()),
    )
    row = await conversations.find(journal, "talk")
    assert row is not None
    assert (number, row.person, row.handover) == (1, "ann", key)
    assert key == f"talk#{row.handover_after}.1"
    assert await conversations.latest_handover(journal, "talk") == (key, row.handover_after)


async def test_a_second_take_over_has_an_item_of_its_own_unless_one_waits(opened: Runtime) -> None:
    journal = opened.journal
    await conversations.begin(journal, "talk", "yara")
    first = await conversations.take_over(journal, "talk", taken())
    assert await conversations.take_over(journal, "talk", taken("bob", known=first)) == first
    assert await conversations.take_over(journal, "talk", taken()) == "talk#0.3"


async def test_old_conversations_are_forgotten(opened: Runtime) -> None:
    journal = opened.journal
    await conversations.begin(journal, "talk", "yara")
    await conversations.write_message(journal, "talk", NewMessage("ann", "hello", "m1"))
    assert await conversations.forget_old(journal.database, older_than=60.0) == 0
    assert len(await conversations.messages(journal, "talk")) == 1
    assert await conversations.forget_old(journal.database, older_than=-1.0) == 1
    assert await conversations.find(journal, "talk") is None
    assert await conversations.messages(journal, "talk") == []
