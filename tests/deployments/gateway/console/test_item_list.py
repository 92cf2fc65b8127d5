"""The list of items: filters, search and pages."""

import re
from dataclasses import replace

import httpx
import pytest

from deployments.gateway.console import item_list
from tests.deployments.gateway.conftest import ADMIN, Connect
from tests.deployments.gateway.console.conftest import HTML
from tests.deployments.gateway.console.orders_in_journal import STORIES
from tests.deployments.gateway.orders import order

KEYS = {story.key: story for story in STORIES}


def keys(page: httpx.Response) -> list[str]:
    """The items that the page lists."""
    assert page.status_code == 200, page.text
    return re.findall(r'href="/console/items/orders/([^"]+)"', page.text)


async def test_the_list_shows_what_became_of_each_order(console: httpx.AsyncClient) -> None:
    page = await console.get("/console/items")
    assert sorted(keys(page)) == sorted(KEYS)
    assert "book shipment: no carrier takes the parcel: postal code 99999" in page.text
    assert "held USD 566.08" in page.text


FILTERS = {
    "state=waiting": [12, 13],
    "waiting=person": [12, 13],
    "waiting=retry": [17],
    "error=99999&state=dead_lettered": [14],
    "agent=book_shipment": [14, 15],
    "outcome=rejected": [21],
    "hours=0.01": [18, 19, 20],
    "version=7": [],
}


async def test_filters(console: httpx.AsyncClient) -> None:
    for query, chosen in FILTERS.items():
        found = keys(await console.get(f"/console/items?{query}"))
        assert sorted(KEYS[key].number for key in found) == chosen, query


async def test_a_search_finds_an_order_its_beginning_or_a_customer(
    console: httpx.AsyncClient,
) -> None:
    found = await console.get("/console/items", params={"q": STORIES[3].key})
    assert (found.status_code, found.headers["location"]) == (
        303,
        f"/console/items/orders/{STORIES[3].key}",
    )
    assert STORIES[3].key in keys(await console.get(f"/console/items?q={STORIES[3].key[:5]}"))
    customer = order(5)["customer"]["id"]
    assert keys(await console.get(f"/console/items?q={customer}")) == [STORIES[5].key]
    assert "No item matches" in (await console.get("/console/items?q=nobody")).text


async def test_pages_follow_one_another(
    console: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_list, "ROWS", 10)
    page = await console.get("/console/items?workflow=orders")
    found = keys(page)
    while more := re.search(r'rel="next" href="([^"]+)"', page.text):
        page = await console.get(more[1].replace("&amp;", "&"))
        found += keys(page)
    assert sorted(found) == sorted(KEYS)


async def test_an_address_that_is_no_page_says_so(console: httpx.AsyncClient) -> None:
    for after in ("x", "WyJhIl0=", "bnVsbA==", "W3RydWUsMV0=", "WzEuMCwxZTQwMF0="):
        page = await console.get("/console/items", params={"after": after})
        assert page.status_code == 400
        assert "this is no page of the list" in page.text


async def test_a_list_has_no_item_of_another_tenant(
    console: httpx.AsyncClient, connect: Connect
) -> None:
    other = connect(replace(ADMIN, name="bob", tenant="other"))
    page = await other.get("/console/items", headers={"accept": HTML})
    assert keys(page) == []
    assert keys(await other.get(f"/console/items?q={STORIES[3].key}")) == []
