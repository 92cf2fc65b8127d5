"""The client against the gateway itself: what is sent again happens once, and errors have a class."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import func, select

from agents.orders import api
from agents.runtime.context import open_runtime, runtime
from agents.runtime.journal import api_keys
from agents.runtime.journal.api_keys import NewKey
from agents.runtime.journal.schema import items
from agents.runtime.settings import Settings
from deployments.client import (
    Conflict,
    Gateway,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Retries,
    Unavailable,
)
from deployments.client.server_sent_events import events
from deployments.gateway import replies
from deployments.gateway.access import Scope
from deployments.gateway.api_versions import FIRST, versions
from deployments.gateway.app import create_app
from deployments.gateway.trust import authenticator
from tests.deployments.client.unsteady import Fault, Unsteady
from tests.deployments.gateway.item_states import change
from tests.deployments.gateway.orders import order

AT_ONCE = Retries(attempts=3, first_pause=0.0)
Through = Callable[..., tuple[Gateway, Unsteady]]


@pytest.fixture
async def application(tmp_path: Path, sqlite_url: str) -> AsyncIterator[FastAPI]:
    async with open_runtime(Settings(data=tmp_path, journal_url=SecretStr(sqlite_url))):
        yield create_app(authenticator())


@pytest.fixture
async def through(application: FastAPI) -> AsyncIterator[Through]:
    """Makes a client with an API key, through a network with these faults."""
    scopes = tuple(sorted(Scope))
    made = await api_keys.create(
        runtime().journal, NewKey("default", "shop", scopes, customer="C-1042"), "ann", "test"
    )
    async with AsyncExitStack() as stack:

        def gateway(
            *faults: Fault, key: str = made.key, **options: Any
        ) -> tuple[Gateway, Unsteady]:
            network = Unsteady(httpx.ASGITransport(application), faults)
            found = Gateway("http://127.0.0.1", key, retries=AT_ONCE, transport=network, **options)
            stack.push_async_exit(found)
            return found, network

        yield gateway


async def accepted_items() -> int:
    async with runtime().journal.database.read() as connection:
        return int(await connection.scalar(select(func.count()).select_from(items)) or 0)


@pytest.mark.parametrize(
    "faults",
    [(), ("refused",), ("answer lost",), ("busy", "answer lost")],
    ids=["none", "refused", "lost", "busy and lost"],
)
async def test_an_order_that_is_sent_again_is_one_order(
    through: Through, faults: Sequence[Fault]
) -> None:
    gateway, network = through(*faults)
    accepted = await gateway.submit("orders", order())
    assert (accepted.workflow, accepted.key) == ("orders", order()["order_id"])
    assert len(network.keys) == len(faults) + 1
    assert len(set(network.keys)) == 1
    assert "" not in network.keys
    assert await accepted_items() == 1
    assert (await gateway.get("orders", accepted.key)).state == "pending"


async def test_a_network_that_stays_broken_is_an_error_after_the_last_attempt(
    through: Through,
) -> None:
    gateway, network = through("refused", "refused", "refused")
    with pytest.raises(httpx.ConnectError):
        await gateway.submit("orders", order())
    gateway, network = through("busy", "busy", "busy")
    with pytest.raises(Unavailable) as caught:
        await gateway.submit("orders", order())
    assert len(network.keys) == 3
    assert caught.value.retry_after == 0


async def test_errors_have_a_class_and_the_members_of_the_problem(through: Through) -> None:
    gateway, network = through()
    with pytest.raises(InvalidRequest) as invalid:
        await gateway.submit("orders", order() | {"total": 1})
    assert (invalid.value.field, invalid.value.rule) == ("total", "sum-mismatch")
    with pytest.raises(NotFound, match="has no item 'none'") as missing:
        await gateway.get("orders", "none")
    assert missing.value.kind == "unknown-item"
    await gateway.submit("orders", order())
    with pytest.raises(Conflict):
        await gateway.submit("orders", order() | {"payment_method": "another"})
    with pytest.raises(NotAllowed):
        await through(key="unknown")[0].get("orders", "none")
    assert len(network.keys) == 4, "what cannot pass is not sent again"


@pytest.mark.parametrize("fault", ["", "cut", "answer lost", "refused"])
async def test_many_items_are_answered_in_their_order_each_once(
    through: Through, fault: Fault
) -> None:
    bodies = [order(number) for number in range(6)]
    bodies[2] = bodies[2] | {"total": 1}
    gateway, _ = through(fault)
    answers = [answer async for answer in gateway.submit_many("orders", bodies)]
    assert [answer.index for answer in answers] == list(range(6))
    assert [index for index, answer in enumerate(answers) if answer.error] == [2]
    assert isinstance(answers[2].error, InvalidRequest)
    assert [answer.accepted.key for answer in answers if answer.accepted] == [
        body["order_id"] for index, body in enumerate(bodies) if index != 2
    ]
    assert await accepted_items() == 5


async def test_many_items_are_split_into_requests(
    through: Through, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployments.client.lines.MOST_LINES", 2)
    gateway, network = through()
    bodies = (order(number) for number in range(5))
    answers = [answer async for answer in gateway.submit_many("orders", bodies)]
    assert [answer.index for answer in answers] == list(range(5))
    assert len(set(network.keys)) == 3


async def test_a_key_with_any_character_is_found(through: Through) -> None:
    gateway, _ = through()
    for number, key in enumerate(("W/1?a#b", "50%25", "a..b")):
        await gateway.submit("orders", order(number) | {"order_id": key})
        assert (await gateway.get("orders", key)).key == key


async def test_a_program_keeps_the_version_it_was_written_for(through: Through) -> None:
    gateway, _ = through()
    body = order()
    charges = body.pop("charges", 0)
    body |= {"charges": 490, "total": body["total"] - charges + 490}
    await gateway.submit("orders", body)
    old, _ = through(version=FIRST)
    assert "charges" not in (await old.get("orders", body["order_id"])).body
    assert (await gateway.get("orders", body["order_id"])).body["charges"] == 490


async def test_a_list_is_read_over_its_pages(through: Through) -> None:
    gateway, _ = through()
    sent = [order(number) for number in range(3)]
    async for _answer in gateway.submit_many("orders", sent):
        pass
    found = [item async for item in gateway.items("orders", state="pending", limit=2)]
    assert {item.key for item in found} == {body["order_id"] for body in sent}
    assert len(found) == 3
    assert [item async for item in gateway.items("orders", state="completed")] == []
    acts = [row["act"] async for row in gateway.rows("/audit", "entries", {"limit": 1})]
    assert len(acts) == 1, "the key that the test has made"


async def test_an_act_hits_the_item_that_was_seen(through: Through) -> None:
    gateway, _ = through("", "", "answer lost")
    accepted = await gateway.submit("orders", order())
    item = await gateway.get("orders", accepted.key)
    done = await gateway.act(item, "cancel", "the customer called")
    assert done["act"] == "cancel"
    with pytest.raises(Conflict):
        await gateway.act(item, "cancel", "again")


async def test_what_is_said_in_a_conversation_is_said_once(
    through: Through, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "REPLY_SECONDS", 0.05)  # nobody answers turns here
    gateway, _ = through("refused")
    conversation = await gateway.begin_conversation()
    for _ in range(2):
        said = conversation.stream("Where is my order?", idempotency_key="first")
        names = [(event.name, event.data) async for event in said]
        assert [name for name, _ in names] == ["status", "later"]
    assert (await conversation.turn(1)).state == "waiting"
    found = await gateway.conversation(conversation.id).read()
    assert [line["text"] for line in found["lines"]] == ["Where is my order?"]
    with pytest.raises(NotFound):
        await conversation.turn(2)


async def test_an_item_is_followed_until_it_has_ended(
    through: Through, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {FIRST: "sent", "": "shipped"}
    older = replace(api.CHANGES[0], downcast_event=lambda data: data | {"outcome": said[FIRST]})
    monkeypatch.setattr(api, "CHANGES", (older,))
    versions.cache_clear()
    for version, outcome in said.items():
        gateway, _ = through("refused", version=version)
        accepted = await gateway.submit("orders", order())
        await change(accepted.status, state="completed", outcome="shipped")
        found = [event async for event in gateway.follow("orders", accepted.key)]
        assert [event.name for event in found] == ["event", "end"]
        assert found[-1].data["outcome"] == outcome
        with pytest.raises(NotFound):
            _ = [event async for event in gateway.follow("orders", "none")]
    versions.cache_clear()


async def test_events_are_read_as_the_standard_says() -> None:
    async def stream() -> AsyncIterator[str]:
        text = (
            ': hello\nid: 7\nevent: state\ndata: {"a":\ndata: 1}\n\ndata:2\n\nevent: cut\ndata: 3'
        )
        for line in text.split("\n"):
            yield line

    first, second = [event async for event in events(stream())]
    assert (first.name, first.data, first.id) == ("state", {"a": 1}, "7")
    assert (second.name, second.data, second.id) == ("message", 2, "7")
