"""Debian's Chromium without a screen, led through the console; what it complains about fails the test."""

import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect

from agents.runtime.context import runtime
from agents.runtime.journal import api_keys
from agents.runtime.journal.api_keys import NewKey
from deployments.gateway.access import Scope
from deployments.gateway.app import create_app
from deployments.gateway.trust import authenticator
from flows.cli.http_endpoint import serving

PATH = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(
    PATH is None, reason="Chromium is not installed: apt install it"
)
PATIENCE = 30_000  # ms on a machine that is very busy
WIDTHS = {360: 740, 1280: 800, 3840: 2160}
expect.set_options(timeout=PATIENCE)


@dataclass
class Console:
    """The gateway on a port of its own, a browser, and what the browser complained about."""

    browser: Browser
    address: str
    key: str
    complaints: list[str] = field(default_factory=list)

    async def page(self, width: int = 1280, **options: Any) -> Page:
        """A new page, logged in as a person with all scopes."""
        viewport = ViewportSize(width=width, height=WIDTHS[width])
        context = await self.browser.new_context(
            viewport=viewport, base_url=self.address, timezone_id="Asia/Shanghai", **options
        )
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self._note("error", str(error)))
        await page.goto("/login?next=/console")
        await page.get_by_label("API key").fill(self.key)
        await page.get_by_role("button", name="Log in").click()
        await page.wait_for_url("**/console")
        return page

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:  # also of the content security policy
            self.complaints.append(text)


@asynccontextmanager
async def console_in_chromium() -> AsyncIterator[Console]:
    """The gateway with its own authentication, on the open runtime, in a browser."""
    made = await api_keys.create(
        runtime().journal, NewKey("default", "ann", tuple(Scope)), "tests", "a person"
    )
    config = uvicorn.Config(create_app(authenticator()), lifespan="on", log_level="error")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with serving(config, listener), async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=PATH, args=["--no-sandbox", "--disable-gpu"]
            )
            yield Console(browser, address, made.key)
            await browser.close()


async def violations(page: Page, *rules: str) -> list[str]:
    """What axe-core finds on the page, by all of its rules or by these."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = list(rules)
    found = await Axe().run(page, options=options)
    return [
        f"{page.url}: {one['id']}: {node['html']}"
        for one in found.response["violations"]
        for node in one["nodes"]
    ]
