"""One item over HTTP: accepted once whatever is sent again, or refused with a rule."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import func, select, update

from agents.runtime.context import runtime
from agents.runtime.journal.capacity_admin import CapacitySetting, set_capacity
from agents.runtime.journal.gateway_schema import api_requests
from agents.runtime.journal.schema import items
from agents.runtime.otlp import OtlpRecorder
from agents.runtime.tracing import flush, record_to
from deployments.gateway import acceptance, request_limits
from deployments.gateway.request_limits import ONE_ITEM
from deployments.gateway.tenancy import workflow_named
from tests.deployments.gateway.conftest import ADMIN, Connect
from tests.deployments.gateway.orders import order
from tests.otlp_collector import collecting

KEY = "Idempotency-Key"
JSON = {"content-type": "application/json"}


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """SQLite alone: what differs in SQL is tested at the journal."""
    return sqlite_url


async def stored(table: Any) -> int:
    async with runtime().journal.database.read() as connection:
        return int(await connection.scalar(select(func.count()).select_from(table)) or 0)


def same(one: httpx.Response, other: httpx.Response) -> bool:
    """Whether both are one answer to the byte."""
    return (one.status_code, one.content, one.headers) == (
        other.status_code,
        other.content,
        other.headers,
    )


async def test_an_accepted_order_has_a_link_and_an_etag(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v/orders", json=order())
    key = order()["order_id"]
    assert answer.status_code == 202
    assert answer.headers["location"] == answer.json()["status"] == f"/v/orders/{key}"
    found = await client.get(answer.headers["location"])
    assert (found.status_code, found.headers["etag"]) == (200, answer.headers["etag"])
    async with runtime().journal.database.read() as connection:
        assert await connection.scalar(select(items.c.customer)) == order()["customer"]["id"]


async def test_an_order_belongs_to_the_trace_of_its_caller(client: httpx.AsyncClient) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    caused = f"00-{trace}-00f067aa0ba902b7-00"
    await client.post("/v/orders", json=order(1), headers={"traceparent": caused})
    hostile = {"traceparent": f"00-{trace}-00f067aa0ba902b7-00-' OR 1=1"}
    await client.post("/v/orders", json=order(2), headers=hostile)
    async with runtime().journal.database.read() as connection:
        known = select(items.c.trace, items.c.traceparent).order_by(items.c.id)
        first, second = (await connection.execute(known)).all()
    assert (first.trace, first.traceparent) == (trace, caused)
    assert len(second.trace) == 32
    assert (second.trace == trace, second.traceparent) == (False, None)


async def test_a_key_of_an_item_with_a_slash_is_quoted_in_its_link(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/v/orders", json=order() | {"order_id": "a/../b?c#d"})
    assert answer.headers["location"] == "/v/orders/a%2F..%2Fb%3Fc%23d"


async def test_the_same_key_and_body_get_the_same_answer_to_the_byte(
    client: httpx.AsyncClient,
) -> None:
    first = await client.post("/v/orders", json=order(), headers={KEY: "k1"})
    async with runtime().journal.database.write() as connection:
        await connection.execute(update(items).values(sequence=7, state="completed"))
    again = await client.post("/v/orders", json=order(), headers={KEY: "k1"})
    assert first.status_code == 202
    assert same(first, again)
    assert await stored(items) == 1


@pytest.mark.parametrize(
    "body", [order(1), order() | {"total": 1}, {}], ids=["another", "invalid", "empty"]
)
async def test_the_same_key_with_another_body_is_refused(
    client: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    await client.post("/v/orders", json=order(), headers={KEY: "k1"})
    answer = await client.post("/v/orders", json=body, headers={KEY: "k1"})
    assert (answer.status_code, answer.json()["rule"]) == (422, "reused")
    assert await stored(items) == 1


async def test_the_version_and_the_path_are_part_of_the_request(client: httpx.AsyncClient) -> None:
    headers = {KEY: "k1", "Agent-Flows-Version": "2026-11-22"}
    assert (await client.post("/v/orders", json=order(), headers=headers)).status_code == 202
    newest = await client.post("/v/orders", json=order(), headers={KEY: "k1"})
    other = await client.post("/v/invoices", json=order(), headers=headers)
    assert [newest.json()["rule"], other.json()["rule"]] == ["reused", "reused"]


async def test_a_refused_request_leaves_its_key_free(client: httpx.AsyncClient) -> None:
    bad = await client.post("/v/orders", json=order() | {"total": 1}, headers={KEY: "k1"})
    good = await client.post("/v/orders", json=order(), headers={KEY: "k1"})
    assert (bad.status_code, good.status_code) == (422, 202)


async def test_keys_belong_to_their_tenant(connect: Connect) -> None:
    other = connect(replace(ADMIN, name="bob", tenant="other"))
    mine = await connect(ADMIN).post("/v/orders", json=order(), headers={KEY: "k1"})
    theirs = await other.post("/v/orders", json=order(1), headers={KEY: "k1"})
    assert (mine.status_code, theirs.status_code) == (202, 202)


async def test_a_key_that_is_no_visible_ascii_is_refused(client: httpx.AsyncClient) -> None:
    for key in ("", " ", "k" * 256, "ключ", "a\tb", "a\x7f"):
        headers = [(KEY.encode(), key.encode())]
        answer = await client.post("/v/orders", json=order(), headers=headers)
        assert (answer.status_code, answer.json()["field"]) == (400, KEY), repr(key)
    two = await client.post("/v/orders", json=order(), headers=[(KEY, "a"), (KEY, "b")])
    assert two.status_code == 400
    assert await stored(items) == 0


async def test_the_longest_key_is_taken(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v/orders", json=order(), headers={KEY: "k" * 255})
    assert answer.status_code == 202


async def test_bursts_of_one_request_make_one_order_and_one_answer(
    client: httpx.AsyncClient,
) -> None:
    def post(headers: dict[str, str]) -> Any:
        return client.post("/v/orders", json=order(), headers=headers)

    keyed = await asyncio.gather(*(post({KEY: "k"}) for _ in range(50)))
    bare = await asyncio.gather(*(post({}) for _ in range(50)))
    assert all(same(answer, keyed[0]) for answer in (*keyed, *bare))
    assert (await stored(items), await stored(api_requests)) == (1, 1)


async def test_another_order_with_a_known_number_is_a_conflict(client: httpx.AsyncClient) -> None:
    await client.post("/v/orders", json=order())
    other = order(1) | {"order_id": order()["order_id"]}
    answer = await client.post("/v/orders", json=other, headers={KEY: "k1"})
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "conflict")
    assert answer.headers["content-type"] == "application/problem+json"


BAD_JSON = {
    "empty": (b"", 400, "invalid-json"),
    "one byte": (b"{", 400, "invalid-json"),
    "byte order mark": (b"\xef\xbb\xbf{}", 400, "invalid-json"),
    "UTF-16": ("{}".encode("utf-16"), 400, "nul"),
    "UTF-16 without a mark": ("{}".encode("utf-16-le"), 400, "nul"),
    "invalid UTF-8": (b'{"a":"\xff"}', 400, "encoding"),
    "lone surrogate": (b'{"a":"\\ud800"}', 400, "lone-surrogate"),
    "NUL": (b'{"a":"\\u0000"}', 400, "nul"),
    "depth": (b"[" * 100_000, 400, "too-deep"),
    "deep object": (b'{"a":' * 33 + b"1" + b"}" * 33, 400, "too-deep"),
    "duplicate key": (b'{"a":1,"a":2}', 400, "duplicate-key"),
    "NaN": (b'{"a":NaN}', 400, "not-finite"),
    "Infinity": (b'{"a":-Infinity}', 400, "not-finite"),
    "1e999": (b'{"a":1e999}', 400, "not-finite"),
    "65 bits": (b'{"a":18446744073709551616}', 400, "integer-range"),
    "10^30": (b'{"a":1000000000000000000000000000000}', 400, "integer-range"),
    "two values": (b"{} {}", 400, "extra-data"),
    "a list": (b"[]", 422, "not-an-object"),
    "a long text": (b'{"a":"' + b"x" * 70_000 + b'"}', 422, "field-too-long"),
    "an unknown field": (orjson.dumps(order() | {"__class__": "x"}), 422, "unknown-field"),
    "a truth value as amount": (orjson.dumps(order() | {"total": True}), 422, "type"),
    "a text as amount": (orjson.dumps(order() | {"total": "1"}), 422, "type"),
    "a Cyrillic currency": (orjson.dumps(order() | {"currency": "U\u0405D"}), 422, "confusable"),
}


async def test_what_is_no_order_is_refused_by_a_rule(client: httpx.AsyncClient) -> None:
    found = {}
    for name, (body, _, _) in BAD_JSON.items():
        answer = await client.post("/v/orders", content=body, headers=JSON)
        found[name] = (body, answer.status_code, answer.json()["rule"])
        assert len(answer.content) < 2_000, "the input is not repeated"
    assert found == BAD_JSON
    assert await stored(items) == 0


async def test_other_encodings_and_types_are_refused(client: httpx.AsyncClient) -> None:
    headers = (
        {"content-encoding": "gzip"},
        {"content-type": "text/plain"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/json; charset=utf-16"},
    )
    found = [
        await client.post("/v/orders", content=orjson.dumps(order()), headers=JSON | one)
        for one in headers
    ]
    assert [one.status_code for one in found] == [415] * 4
    assert found[0].headers["accept-encoding"] == "identity"


async def _endless(read: list[int]) -> AsyncIterator[bytes]:
    for n in range(1_000):
        read.append(n)
        yield b" " * 2**16


async def test_a_body_without_a_length_is_cut_while_it_arrives(client: httpx.AsyncClient) -> None:
    padded = orjson.dumps(order()).ljust(ONE_ITEM.most)
    assert (await client.post("/v/orders", content=padded, headers=JSON)).status_code == 202
    more = await client.post("/v/orders", content=padded + b" ", headers=JSON)
    read: list[int] = []
    endless = await client.post("/v/orders", content=_endless(read), headers=JSON)
    assert [more.status_code, endless.status_code] == [413, 413]
    assert endless.json()["limit"] == ONE_ITEM.most
    assert len(read) < 20


async def test_a_body_that_does_not_arrive_is_given_up(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_limits, "ONE_ITEM", replace(ONE_ITEM, seconds=0.05))

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    answer = await client.post("/v/orders", content=slow(), headers=JSON)
    assert answer.status_code == 408


async def test_the_memory_for_all_bodies_is_bounded(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_limits, "HELD_BYTES", 100)
    answer = await client.post("/v/orders", json=order())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    monkeypatch.setattr(request_limits, "HELD_BYTES", 5_000)
    for _ in range(20):
        assert (await client.post("/v/orders", json=order())).status_code == 202


async def test_while_the_journal_is_away_callers_are_told_when_to_come_back(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever asks the journal: the credentials, the queue or the item."""

    async def refused(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("deployments.gateway.queue_room.count_waiting", refused)
    answer = await client.post("/v/orders", json=order())
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (503, "journal-away")
    assert int(answer.headers["retry-after"]) > 0


async def test_an_item_that_needs_more_than_there_is_is_refused_with_resource_and_rule(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    hungry = replace(workflow_named("orders").scenario, needs=lambda _order: {"gpu": 2})
    named = SimpleNamespace(scenario=hungry)
    monkeypatch.setattr(acceptance, "workflow_named", lambda _name: named)
    assert (
        await client.post("/v/orders", json=order())
    ).status_code == 202  # no capacity: unlimited
    await set_capacity(runtime().journal, CapacitySetting("gpu", 1), "ann", "test")
    answer = await client.post("/v/orders", json=order() | {"order_id": "W2"})
    assert answer.status_code == 422
    assert (answer.json()["rule"], answer.json()["resource"]) == ("above-capacity", "gpu")
    assert "item W2: needs 2 of gpu at once, and there are 1" in answer.json()["detail"]


async def test_a_request_is_a_span_that_its_order_continues(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace, caller = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        record_to(OtlpRecorder())
        try:
            headers = {"traceparent": f"00-{trace}-{caller}-01"}
            one = await client.post("/v/orders", json=order(1), headers=headers)
            lines = orjson.dumps(order(2)) + b"\n" + orjson.dumps(order(3))
            kind = {"content-type": "application/x-ndjson"}
            many = await client.post("/v/orders", content=lines, headers=kind)
            flush()
        finally:
            record_to(None)
    first, second = collector.named("POST /v/{workflow}")
    assert (first.trace, first.parent) == (trace, caller)
    assert one.headers["traceresponse"] == f"00-{trace}-{first.span}-01"
    assert first.attributes["http.response.status_code"] == 202
    assert many.headers["traceresponse"].split("-")[1:3] == [second.trace, second.span]
    async with runtime().journal.database.read() as connection:
        known = await connection.scalars(select(items.c.traceparent).order_by(items.c.id))
        traceparents = list(known)
    assert traceparents[0] == one.headers["traceresponse"]
    accepted = collector.named("orders accept")
    assert [f"00-{span.trace}-{span.span}-01" for span in accepted] == traceparents[1:]
    assert {span.links[0][:2] for span in accepted} == {(second.trace, second.span)}
    assert order(1)["order_id"] not in repr(collector.spans)


async def test_goods_that_come_back_are_one_item_an_arrival(client: httpx.AsyncClient) -> None:
    goods: dict[str, Any] = {"order": "W1", "pieces": ["A-1"]}
    for more, key in (({}, "W1"), *[({"arrival": p}, f"W1:{p}") for p in ("p1", "p1", "p2")]):
        answer = await client.post("/v/returns", json=goods | more)
        assert (answer.status_code, answer.json()["key"]) == (202, key)
    others: list[dict[str, Any]] = [{"pieces": ["A-2"], "arrival": "p1"}, {"pieces": ["A-2"]}]
    told = [(await client.post("/v/returns", json=goods | other)).status_code for other in others]
    bad: list[dict[str, Any]] = [
        {"pieces": []},
        {"pieces": ["a b"]},
        {"arrival": "a b"},
        {"order": ""},
        {"more": 1},
    ]
    told += [(await client.post("/v/returns", json=goods | other)).status_code for other in bad]
    assert told == [409] * 2 + [422] * 5
    assert (await client.get("/v/returns/W1%3Ap1")).json()["body"]["arrival"] == "p1"
    assert await stored(items) == 3
