"""The inbox of approvals, and dead letters by their error."""

import httpx

from agents.runtime.context import runtime
from agents.runtime.journal.audit import AuditFilter, entries
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
