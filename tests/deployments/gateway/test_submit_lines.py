"""Many items in one request: each line is answered alone, and what is sent again is recognised."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from agents.runtime.journal.schema import items
from deployments.gateway import queue_room, submit_lines
from deployments.gateway.request_limits import NDJSON, ONE_ITEM
from tests.deployments.gateway.conftest import ADMIN, Connect
from tests.deployments.gateway.orders import order
from tests.deployments.gateway.test_submit import KEY, stored

LINES = {"content-type": NDJSON}


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """SQLite alone: what differs in SQL is tested at the journal."""
    return sqlite_url


def written(bodies: Sequence[Any]) -> bytes:
    return b"".join(orjson.dumps(body) + b"\n" for body in bodies)


def told(answer: httpx.Response) -> list[tuple[int, int]]:
    """The number and the status of each line."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == NDJSON
    return [(line["line"], line["status"]) for line in map(orjson.loads, answer.iter_lines())]


async def post(client: httpx.AsyncClient, content: Any, **headers: str) -> httpx.Response:
    return await client.post("/v/orders", content=content, headers=LINES | headers)


async def test_each_line_is_answered_alone(client: httpx.AsyncClient) -> None:
    body = written([order(0), order(1) | {"total": 1}, order(0), order(2)])
    conflict = orjson.dumps(order(3) | {"order_id": order(0)["order_id"]})
    answer = await post(client, body + b"\r\n\n{not JSON\n" + conflict)
    assert told(answer) == [(1, 202), (2, 422), (3, 202), (4, 202), (7, 400), (8, 409)]
    first, bad, *_ = map(orjson.loads, answer.iter_lines())
    assert first["answer"] == (await client.post("/v/orders", json=order(0))).json()
    assert (bad["answer"]["field"], bad["answer"]["rule"]) == ("total", "sum-mismatch")
    assert bad["answer"]["limit"] == order(1)["total"]
    assert await stored(items) == 2


async def test_lines_are_the_same_however_they_arrive(client: httpx.AsyncClient) -> None:
    body = written([order(n) for n in range(3)])[:-1]

    async def in_bytes() -> AsyncIterator[bytes]:
        for byte in body:
            yield bytes([byte])

    assert told(await post(client, in_bytes())) == told(await post(client, body))
    assert await stored(items) == 3


async def test_an_answer_is_sent_while_lines_still_arrive(
    gateway: FastAPI, connect: Connect
) -> None:
    """A caller may wait for an answer before it goes on, also over a connection that stays open."""
    connect(ADMIN)
    parts: asyncio.Queue[bytes | None] = asyncio.Queue()
    sent: asyncio.Queue[Any] = asyncio.Queue()

    async def receive() -> dict[str, Any]:
        part = await parts.get()
        return {"type": "http.request", "body": part or b"", "more_body": part is not None}

    headers = {**LINES, "x-test-principal": ADMIN.name, "host": "127.0.0.1"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v/orders",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    answering = asyncio.create_task(gateway(scope, receive, sent.put))
    for n in range(2):
        parts.put_nowait(written([order(n)]))
        message = await asyncio.wait_for(sent.get(), 10)
        if message["type"] == "http.response.start":
            message = await asyncio.wait_for(sent.get(), 10)
        assert orjson.loads(message["body"])["line"] == n + 1
    parts.put_nowait(None)
    await answering


async def test_a_batch_with_a_key_can_be_sent_again(client: httpx.AsyncClient) -> None:
    """Whether it was cut off in the middle or not: each line has its first answer."""
    whole = written([order(n) for n in range(6)])
    half = written([order(n) for n in range(3)])
    cut = await post(client, half, **{KEY: "b1"})
    first = await post(client, whole, **{KEY: "b1"})
    again = await post(client, whole, **{KEY: "b1"})
    assert first.content == again.content
    assert first.content.startswith(cut.content)
    assert told(first) == [(n, 202) for n in range(1, 7)]
    other = await post(client, written([order(0), order(7)]), **{KEY: "b1"})
    assert told(other) == [(1, 202), (2, 422)]
    assert await stored(items) == 6


async def test_one_key_is_not_for_a_batch_and_an_item(client: httpx.AsyncClient) -> None:
    await post(client, written([order(0)]), **{KEY: "batch"})
    await client.post("/v/orders", json=order(0), headers={KEY: "item"})
    single = await client.post("/v/orders", json=order(0), headers={KEY: "batch"})
    batch = await post(client, written([order(0)]), **{KEY: "item"})
    assert (single.status_code, single.json()["rule"]) == (422, "reused")
    assert (batch.status_code, batch.json()["rule"]) == (422, "reused")


async def test_a_batch_whose_key_is_in_work_is_told(client: httpx.AsyncClient) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        begun.set()
        await go_on.wait()
        yield written([order(0)])

    first = asyncio.create_task(post(client, slowly(), **{KEY: "b1"}))
    await begun.wait()
    second = await post(client, written([order(0)]), **{KEY: "b1"})
    go_on.set()
    assert (second.status_code, second.json()["rule"]) == (409, "in-work")
    assert second.headers["retry-after"]
    assert told(await first) == [(1, 202)]
    assert told(await post(client, written([order(0)]), **{KEY: "b1"})) == [(1, 202)]


async def test_a_line_that_is_too_long_is_refused_and_the_next_is_not(
    client: httpx.AsyncClient,
) -> None:
    long = b"x" * (ONE_ITEM.most + 1)
    answer = await post(client, long + b"\n" + written([order(0)]) + long * 2)
    assert told(answer) == [(1, 413), (2, 202), (3, 413)]


async def test_lines_beyond_the_limit_are_told_and_not_read(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submit_lines, "MOST_LINES", 3)
    answer = await post(client, written([order(n) for n in range(9)]))
    assert told(answer) == [(1, 202), (2, 202), (3, 202), (4, 413)]
    assert orjson.loads(answer.text.splitlines()[-1])["answer"]["limit"] == 3
    assert await stored(items) == 3


async def test_a_body_with_no_line_has_no_answers(client: httpx.AsyncClient) -> None:
    assert told(await post(client, b"\n\n")) == []
    assert told(await post(client, b"")) == []


async def test_a_full_queue_refuses_items_and_says_when_to_come_back(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Two:
        def queue_limit_of(self, _scenario: str) -> int:
            return 2

    monkeypatch.setattr(queue_room, "settings", Two)
    answer = await post(client, written([order(n) for n in range(4)]))
    assert told(answer) == [(1, 202), (2, 202), (3, 429), (4, 429)]
    single = await client.post("/v/orders", json=order(9))
    batch = await post(client, written([order(9)]))
    assert [single.status_code, batch.status_code] == [429, 429]
    assert 1 <= int(single.headers["retry-after"]) <= queue_room.LONGEST_WAIT
    assert (single.json()["rule"], single.json()["limit"]) == ("queue-limit", 2)
    assert await stored(items) == 2
