"""The inbox of approvals, and dead letters by their error."""

import httpx
from sqlalchemy import update

from agents.runtime.context import runtime
from agents.runtime.journal.audit import AuditFilter, entries
from agents.runtime.journal.schema import dead_letters, steps
from tests.deployments.gateway.console.orders_in_journal import STORIES
from tests.deployments.gateway.console.test_item_page import hidden, state_of
from tests.deployments.gateway.console.test_overview import text_of

ASKS, OTHER, DEAD = (STORIES[number].key for number in (12, 13, 14))


async def test_the_inbox_shows_who_asks_what_and_takes_decisions(
    console: httpx.AsyncClient,
) -> None:
    page = await console.get("/console/approvals")
    text = text_of(page)
    assert text.index(ASKS) < text.index(OTHER), "the longest wait is first"
    assert "assess risk asks: a risk of 71: total, new customer" in text
    form = hidden(page, ASKS) | {"verdict": "reject", "reason": "stolen card"}
    answer = await console.post(f"/console/acts/orders/{ASKS}", data=form)
    assert answer.headers["location"] == "/console/approvals?workflow=orders"
    assert ASKS not in (await console.get("/console/approvals")).text
    [entry] = await entries(runtime().journal, AuditFilter(object=f"item orders/{ASKS}"))
    assert (entry.entry.by, entry.entry.reason) == ("ann", "stolen card")


async def test_an_empty_inbox_says_so(console: httpx.AsyncClient) -> None:
    text = text_of(await console.get("/console/approvals?workflow=invoices"))
    assert "Nothing waits for a decision." in text
    assert (await console.get("/console/approvals?workflow=nothing")).status_code == 404


async def test_dead_letters_are_replayed_from_their_group(console: httpx.AsyncClient) -> None:
    assert "NoCarrier 2 orders, book shipment" in text_of(
        await console.get("/console/dead-letters")
    )
    path = "/console/dead-letters/orders?agent=book_shipment&error_type=NoCarrier"
    page = await console.get(path)
    assert "postal code 99999 USD 3,298.16 paid USD 3,298.16" in text_of(page)
    form = hidden(page, DEAD) | {"reason": "a new carrier"}
    answer = await console.post(f"/console/acts/orders/{DEAD}", data=form)
    assert answer.headers["location"] == path
    assert await state_of(DEAD) == "pending"
    assert DEAD not in (await console.get(path)).text
    gone = await console.get("/console/dead-letters/orders?agent=x&error_type=y")
    assert "No dead letter of this group is open any more." in text_of(gone)


async def test_a_group_is_replayed_at_a_rate(console: httpx.AsyncClient) -> None:
    path = "/console/dead-letters/orders"
    form = {"agent": "book_shipment", "error_type": "NoCarrier", "reason": "a new carrier"}
    done = await console.post(path, data=form | {"most": "1", "per_minute": "30"})
    assert done.status_code == 303, done.text
    page = await console.get(done.headers["location"])
    assert "1 are replayed, each after the one before; 1 of this group are left." in text_of(page)
    assert (await state_of(DEAD), await state_of(STORIES[15].key)) == ("pending", "dead_lettered")
    refused = await console.post(path, data=form | {"most": "501", "per_minute": "30"})
    assert refused.status_code == 422


async def test_a_queue_is_paused_and_resumed_from_the_overview(console: httpx.AsyncClient) -> None:
    assert 'action="/console/queues/orders/pause"' in (await console.get("/console")).text
    await console.post("/console/queues/orders/pause", data={"reason": "stocktaking"})
    page = await console.get("/console")
    assert "paused by ann: stocktaking" in text_of(page)
    await console.post("/console/queues/orders/resume", data={"reason": "done"})
    assert "stocktaking" not in (await console.get("/console")).text


async def test_errors_are_shown_without_personal_data(console: httpx.AsyncClient) -> None:
    said = {"error": "ann@example.com is unknown"}
    async with runtime().journal.database.write() as connection:
        await connection.execute(update(dead_letters).values(**said))
        await connection.execute(update(steps).where(steps.c.status == "waiting").values(**said))
    for path in (
        "/console",
        "/console/approvals",
        "/console/items",
        "/console/dead-letters",
        "/console/dead-letters/orders?agent=book_shipment&error_type=NoCarrier",
        f"/console/items/orders/{DEAD}",
    ):
        page = await console.get(path)
        assert "ann@example.com" not in page.text, path
        assert "[redacted] is unknown" in page.text, path
