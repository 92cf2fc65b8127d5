"""The overview: what needs a person, money held, queues, and what became of the day's orders."""

import re

import httpx

from agents.runtime.context import runtime
from agents.runtime.journal.queue_admin import pause
from agents.workflow.money import format_money
from tests.deployments.gateway.conftest import ADMIN, Connect
from tests.deployments.gateway.console.conftest import HTML
from tests.deployments.gateway.orders import order


def text_of(page: httpx.Response) -> str:
    """The words of the page, without its tags."""
    assert page.status_code == 200, page.text
    return " ".join(re.sub(r"<[^>]*>", " ", page.text).split())


async def test_the_overview_says_what_needs_a_person(console: httpx.AsyncClient) -> None:
    await pause(runtime().journal, "orders", "ann", "stocktaking")
    text = text_of(await console.get("/console"))
    assert "2 wait for a decision" in text
    assert "3 could not be finished" in text
    money = sum(order(number)["total"] for number in (14, 15))  # captured, then no carrier
    assert f"{format_money(money, 'USD')} of customers' money held" in text
    assert "Orders: 2 with NoCarrier at book shipment" in text
    assert "Orders: 1 with SystemDown at open payment" in text
    assert "orders paused" in text
    assert "nothing is served" in text
    assert "orders 23 / 23 12 / 12 1 / 1 0 / 0 1 / 1 3 / 3" in text


async def test_an_empty_journal_has_an_overview(connect: Connect) -> None:
    text = text_of(await connect(ADMIN).get("/console", headers={"accept": HTML}))
    assert "Nothing. Every item goes on by itself or has ended." in text
    assert "No item was accepted or ended within the last 24 hours." in text


async def test_pages_need_a_caller(connect: Connect) -> None:
    for path in ("/console", "/console/items", "/console/audit"):
        assert (await connect(None).get(path)).status_code == 401, path
