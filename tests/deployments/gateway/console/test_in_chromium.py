"""The console in a real browser: what a person does in it, and how it looks at three widths."""

import asyncio
import re
from typing import Literal

import pytest
from playwright.async_api import Page, expect

from agents.runtime.context import open_runtime, runtime
from agents.runtime.journal.audit import AuditFilter, entries
from agents.runtime.journal.operator_actions import OperatorAction, cancel
from agents.runtime.settings import Settings
from tests.deployments.gateway.console.chromium import (
    WIDTHS,
    Console,
    console_in_chromium,
    needs_chromium,
    violations,
)
from tests.deployments.gateway.console.orders_in_journal import STORIES, fill
from tests.deployments.gateway.console.test_item_page import state_of

pytestmark = [pytest.mark.slow, needs_chromium]

ASKS, OTHER, DEAD, LATER, RETRIES = (STORIES[number].key for number in (12, 13, 14, 15, 17))
PAGES = (
    "/console",
    "/console/approvals",
    "/console/dead-letters",
    "/console/dead-letters/orders?agent=book_shipment&error_type=NoCarrier",
    "/console/items",
    f"/console/items/orders/{DEAD}",
    f"/console/items/orders/{ASKS}",
    f"/console/edit/orders/{DEAD}",
    "/console/runs",
    "/console/analyses",
    "/console/versions?workflow=invoices",
    "/console/webhooks",
    "/console/keys",
    "/console/conversations",
    "/console/audit",
    "/console/items/orders/W0",
)


async def test_an_operator_puts_things_right(journal_settings: Settings) -> None:
    async with open_runtime(journal_settings), console_in_chromium() as console:
        await fill(runtime().journal.database)
        page = await console.page()
        await mends_and_replays(page)
        await approves_from_the_inbox(page)
        await presses_twice(page)
        await watches_an_item(page)
        await searches(page)
        await works_without_a_script(console)
        assert [text for text in console.complaints if "status of 422" not in text] == []


async def mends_and_replays(page: Page) -> None:
    """From the overview to a dead letter, whose body is mended and which is replayed."""
    await page.get_by_role("link", name="2 with NoCarrier").click()
    await page.get_by_role("link", name=DEAD).click()
    await page.get_by_role("link", name="Edit its body…").click()
    await page.get_by_label("postal code").fill("")
    await page.get_by_role("button", name="Show the change").click()
    await expect(page.get_by_role("alert")).to_contain_text("address.postal_code")
    await page.get_by_label("postal code").fill("98101")
    await page.get_by_role("button", name="Show the change").click()
    await expect(page.locator("main del")).to_have_text("98153")
    await page.get_by_label("Reason").fill("a typing error")
    await page.get_by_role("button", name="Save the change").click()
    await expect(page.get_by_role("status")).to_contain_text("The item is now pending")
    await expect(page.locator(".timeline")).to_contain_text("a typing error")


async def approves_from_the_inbox(page: Page) -> None:
    await page.get_by_role("link", name="Approvals").click()
    inbox = page.get_by_role("article").filter(has_text=ASKS)
    await inbox.get_by_role("button", name="Approve").click()
    await expect(inbox.get_by_label("Reason")).to_be_focused()  # asked for by the browser
    await inbox.get_by_label("Reason").fill("a known customer")
    await inbox.get_by_role("button", name="Approve").click()
    await expect(inbox).to_have_count(0)
    assert await state_of(ASKS) == "pending"


async def presses_twice(page: Page) -> None:
    """A double press acts once, and the audit log has it once."""
    await page.goto(f"/console/items/orders/{LATER}")
    await page.get_by_text("Replay…").click()
    await page.get_by_role("group").filter(has_text="Replay…").get_by_label("Reason").fill("again")
    await page.get_by_role("button", name="Replay", exact=True).dblclick()
    await expect(page.get_by_role("status")).to_contain_text("Done: replay")
    found = await entries(runtime().journal, AuditFilter(object=f"item orders/{LATER}"))
    assert [entry.entry.act for entry in found] == ["replay"]
    await page.get_by_role("link", name="Audit log").click()
    await expect(page.locator("tbody tr").first).to_contain_text(LATER)


async def watches_an_item(page: Page) -> None:
    """What happens to an item shows without a click, in the viewer's zone."""
    await page.goto(f"/console/items/orders/{RETRIES}")
    action = OperatorAction("orders", RETRIES, "bob", "the customer changed her mind")
    await cancel(runtime().journal, action)
    await expect(page.locator(".timeline")).to_contain_text("the customer changed her mind")
    time = page.locator(".timeline time").first
    await expect(time).to_have_attribute("title", re.compile(r" GMT\+8 \(.* UTC\)$"))


async def searches(page: Page) -> None:
    await page.goto("/console/items")
    await page.keyboard.press("/")
    await page.keyboard.type(OTHER)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name=OTHER)).to_be_visible()


async def works_without_a_script(console: Console) -> None:
    page = await console.page(java_script_enabled=False)
    await page.goto(f"/console/items/orders/{OTHER}")
    assert " UTC" in await page.locator(".timeline time").first.inner_text()
    await page.get_by_label("Reason").first.fill("stolen card")
    await page.get_by_role("button", name="Reject").click()
    await expect(page.get_by_role("status")).to_contain_text("Done: decide")


async def test_pages_fit_every_screen_and_everybody(journal_settings: Settings) -> None:
    async with open_runtime(journal_settings), console_in_chromium() as console:
        await fill(runtime().journal.database)
        found = await asyncio.gather(*(looks(console, width) for width in WIDTHS))
        assert [one for some in found for one in some] == []
        assert [text for text in console.complaints if "status of 404" not in text] == []


async def looks(console: Console, width: int) -> list[str]:
    """What is wrong with the pages at this width; the narrowest is light, and the middle one dark."""
    scheme: Literal["dark", "light"] = "dark" if width == 1280 else "light"
    page, wrong = (
        await console.page(width, color_scheme=scheme, reduced_motion="reduce"),
        list[str](),
    )
    for path in PAGES[:: {360: 1, 1280: 2}.get(width, 3)]:
        await page.goto(path)
        if await page.evaluate("document.documentElement.scrollWidth") > width:
            wrong.append(f"{path} is wider than {width} px")
        await page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
        if width == 360:
            wrong += await violations(page)
        if width == 1280:
            wrong += await violations(page, "color-contrast")
    return wrong
