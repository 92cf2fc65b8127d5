"""A customer chats in a real browser, and an operator takes the conversation over in the console."""

import pytest
from playwright.async_api import Page, ViewportSize, expect

from agents.runtime.context import open_runtime, runtime
from agents.runtime.journal import api_keys
from agents.runtime.journal.api_keys import NewKey
from agents.runtime.settings import Settings
from deployments.gateway.access import Scope
from tests.deployments.gateway.console.chromium import (
    Console,
    console_in_chromium,
    needs_chromium,
    violations,
)
from tests.deployments.gateway.talking import answering, finish_handovers

pytestmark = [pytest.mark.slow, needs_chromium]
NARROW = ViewportSize(width=360, height=740)
MODELS = 60_000  # milliseconds in which the agent's models are loaded, on a busy machine
HOSTILE = "<img src=x onerror=alert(1)>"


async def customer_page(console: Console) -> Page:
    """The chat page of a customer, as wide as a telephone."""
    new = NewKey("default", "shop", (Scope.CHAT,), customer="yara")
    made = await api_keys.create(runtime().journal, new, "tests", "a customer")
    context = await console.browser.new_context(viewport=NARROW, base_url=console.address)
    page = await context.new_page()
    page.set_default_timeout(10_000)
    page.on("console", lambda message: console._note(message.type, message.text))
    page.on("pageerror", lambda error: console._note("error", str(error)))
    await page.goto("/login?next=/chat")
    await page.get_by_label("API key").fill(made.key)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url("**/chat")
    return page


async def says(page: Page, text: str) -> None:
    await page.get_by_label("Your message").fill(text)
    await page.keyboard.press("Enter")


async def test_a_customer_and_a_person_talk(journal_settings: Settings) -> None:
    async with open_runtime(journal_settings), console_in_chromium() as console, answering():
        customer = await customer_page(console)
        await the_agent_answers(customer)
        operator = await console.page()
        await a_person_takes_over(operator, customer)
        await the_agent_comes_back(operator, customer)
        assert await customer.evaluate("document.documentElement.scrollWidth") <= 360
        assert await violations(customer) == []
        assert await violations(operator) == []
        assert console.complaints == []


async def the_agent_answers(customer: Page) -> None:
    log = customer.get_by_role("log")
    await says(customer, f"How long may I return something? {HOSTILE}")
    await expect(log.locator(".agent .cites li")).to_have_count(1, timeout=MODELS)
    await expect(log.locator(".customer .said")).to_contain_text(HOSTILE)
    await expect(log.locator("img, a")).to_have_count(0)
    assert "/chat/" in customer.url


async def a_person_takes_over(operator: Page, customer: Page) -> None:
    await operator.get_by_role("link", name="Conversations").click()
    await operator.locator("tbody a").first.click()
    await operator.get_by_label("Reason").fill("a regular customer")
    await operator.get_by_role("button", name="Take over").click()
    await operator.get_by_label("Message to the customer").fill("I am Ann. What is it?")
    await operator.get_by_role("button", name="Send").click()
    await expect(customer.get_by_role("log")).to_contain_text("I am Ann. What is it?")
    await expect(customer.locator("#talk")).to_contain_text("A person answers you now: ann")
    await says(customer, "A lamp is broken")
    await expect(operator.locator("#transcript")).to_contain_text("A lamp is broken")


async def the_agent_comes_back(operator: Page, customer: Page) -> None:
    await finish_handovers()
    await operator.get_by_label("Note").fill("A new lamp is on its way")
    await operator.get_by_role("button", name="Hand back to the agent").click()
    await expect(operator.locator("#transcript")).to_contain_text("The agent answers.")
    await finish_handovers()
    await says(customer, "thanks")
    await expect(customer.get_by_role("log")).to_contain_text("A new lamp is on its way")
