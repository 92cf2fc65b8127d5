"""The whole deployment: orders over HTTP, consumers, a person in the console, a customer in the chat."""

import asyncio
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import async_playwright

from agents.services.sandbox.process import stop_sandbox
from deployments.client import Gateway, Retries
from flows.workflows import WORKFLOWS
from tests.deployments.gateway.console import chromium
from tests.deployments.gateway.gateway_process import RunningGateway, running_gateway
from tests.deployments.gateway.orders import order
from tests.invariants import check_invariants
from tests.prefect_server import PrefectServer, free_port

pytestmark = pytest.mark.slow

YARAS, RISKY = 29, 238  # places in the sample: an order of the customer, and one that gets dear
CUSTOMER = "yara_ito_8499"
WAIT_SECONDS = 120.0
ENDED = {"completed", "failed", "compensated"}
AT_REST = {*ENDED, "waiting", "dead_lettered"}


def environment(server: PrefectServer, **more: str) -> Mapping[str, str]:
    return {"PREFECT_API_URL": server.url, "AGENT_FLOWS_CONCURRENCY": "local", **more}


def risky() -> dict[str, Any]:
    """An order that waits for a person: it is worth 7,000."""
    body = order(RISKY)
    [line] = body["lines"]
    return body | {"lines": [line | {"unit_price": 700_000}], "total": 700_000}


async def until(gateway: Gateway, key: str, *states: str) -> str:
    """The outcome of the order once it is in one of these states."""
    end = time.monotonic() + WAIT_SECONDS
    while (item := await gateway.get("orders", key)).state not in states:
        assert time.monotonic() < end, item
        await asyncio.sleep(0.2)
    return item.outcome or ""


async def approve(running: RunningGateway, key: str) -> None:
    """Approve an order in the console: in a browser if there is one, else by its form."""
    if chromium.PATH is None:
        await approve_by_form(running, key)
        return
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium.PATH, args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page(base_url=running.url)
        await page.goto("/console/approvals")
        await page.get_by_label("API key").fill(running.key)
        await page.get_by_role("button", name="Log in").click()
        inbox = page.get_by_role("article").filter(has_text=key)
        await inbox.get_by_label("Reason").fill("a known customer")
        await inbox.get_by_role("button", name="Approve").click()
        await page.get_by_role("heading", name=key).wait_for(state="detached")
        await browser.close()


async def approve_by_form(running: RunningGateway, key: str) -> None:
    async with httpx.AsyncClient(base_url=running.url, headers={"accept": "text/html"}) as browser:
        await browser.post("/login", data={"key": running.key})
        inbox = (await browser.get("/console/approvals")).text
        [form] = [one for one in inbox.split("<form")[1:] if f"Reason for {key}" in one]
        action = re.search(r'action="([^"]+)"', form)
        assert action is not None
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
        decided = fields | {"reason": "a known customer", "verdict": "approve"}
        assert (await browser.post(action[1], data=decided)).status_code == 303


async def check(data: Path) -> None:
    """Nothing is lost, and each card is charged once: the invariants of order processing."""
    _ = WORKFLOWS["orders"].process  # what was undone is looked up among the agents
    await check_invariants(f"sqlite+aiosqlite:///{data / 'journal.db'}", data)


async def customer_key(gateway: Gateway) -> str:
    wanted = {"name": "shop", "scopes": ["chat"], "customer": CUSTOMER, "reason": "the shop's app"}
    made = await gateway.request("POST", "/keys", json=wanted)
    key: str = made.json()["key"]
    return key


async def test_orders_are_fulfilled_approved_and_asked_about(
    tmp_path: Path, prefect_server: PrefectServer
) -> None:
    try:
        with running_gateway(tmp_path, more=environment(prefect_server)) as running:
            async with Gateway(running.url, running.key) as gateway:
                orders = [order(YARAS), risky(), order(0), order(1)]
                mine, dear, *others = [await gateway.submit("orders", one) for one in orders]
                assert await until(gateway, mine.key, *ENDED) == "shipped"
                assert await until(gateway, dear.key, "waiting") == ""
                await approve(running, dear.key)
                async with Gateway(running.url, await customer_key(gateway)) as customer:
                    talk = await customer.begin_conversation()
                    asked = f"Where is order {mine.key}?"
                    turn = await talk.say(asked, idempotency_key="q1")
                assert f"Order {mine.key} has been shipped." in turn.reply
                assert await until(gateway, dear.key, *ENDED) == "shipped"
                for other in others:
                    await until(gateway, other.key, *AT_REST)
            begun = time.monotonic()
            code, said = running.end(signal.SIGINT)
        assert (code, said.splitlines()[-1][:8]) == (130, "stopped:")
        assert time.monotonic() - begun < 10
        await check(tmp_path / "data")
    finally:
        stop_sandbox(tmp_path / "data")


@pytest.mark.campaign
async def test_nothing_accepted_is_lost_when_the_gateway_is_killed(
    tmp_path: Path, prefect_server: PrefectServer
) -> None:
    """Killed three times while orders arrive; what has no answer is sent again with the same key."""
    more, port = environment(prefect_server, AGENT_FLOWS_LEASE_SECONDS="3"), free_port()
    orders = [order(number) for number in range(150)]
    accepted = list[str]()
    key = ""
    try:
        for kills in range(4):
            with running_gateway(tmp_path, port=port, more=more) as running:
                key = running.key or key
                retries = Retries(attempts=2, first_pause=0.1)
                async with Gateway(running.url, key, retries=retries) as gateway:
                    if kills < 3:
                        await submit_until_killed(gateway, running.process, orders, accepted)
                        continue
                    for body in orders[len(accepted) :]:
                        accepted.append(await sent(gateway, body))
                    for one in accepted:
                        await until(gateway, one, *AT_REST)
                    running.end()
        assert accepted == [one["order_id"] for one in orders]
        await check(tmp_path / "data")
    finally:
        stop_sandbox(tmp_path / "data")


async def sent(gateway: Gateway, body: dict[str, Any]) -> str:
    name = body["order_id"]
    return (await gateway.submit("orders", body, idempotency_key=f"order {name}")).key


async def submit_until_killed(
    gateway: Gateway,
    process: "subprocess.Popen[str]",
    orders: list[dict[str, Any]],
    accepted: list[str],
) -> None:
    """Submit the orders that are not accepted yet; the gateway is killed after some of them."""
    for number, body in enumerate(orders[len(accepted) :]):
        if number == 30:
            os.kill(process.pid, signal.SIGKILL)
        try:
            accepted.append(await sent(gateway, body))
        except httpx.TransportError:
            return
    raise AssertionError("the gateway was not killed")
