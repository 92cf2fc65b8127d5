"""The chat page without a script: a form, a page with the reply, in two languages, and only as text."""

import re
from typing import Any

import httpx
import pytest

from agents.runtime.context import runtime
from agents.runtime.journal import conversations
from deployments.gateway.console.pages import POLICY
from tests.deployments.gateway.conftest import ADMIN, Connect
from tests.deployments.gateway.console.conftest import HTML
from tests.deployments.gateway.talking import OMAR, YARA

HOSTILE = (
    "<img src=x onerror=alert(1)> [free](https://evil.example) ![x](https://evil.example/x.png)"
)


@pytest.fixture
def customer(connect: Connect) -> httpx.AsyncClient:
    """A browser of a customer."""
    made = connect(YARA)
    made.headers["accept"] = HTML
    return made


def sent_of(page: httpx.Response) -> str:
    found = re.search(r'name="sent" value="(\w+)"', page.text)
    assert found is not None
    return found[1]


async def write(client: httpx.AsyncClient, page: httpx.Response, text: str) -> httpx.Response:
    action = re.search(r'<form method="post" action="(/chat[^"]*)"', page.text)
    assert action is not None
    data: dict[str, Any] = {"text": text, "sent": sent_of(page)}
    return await client.post(action[1], data=data)


async def test_a_form_begins_a_conversation_and_goes_on(customer: httpx.AsyncClient) -> None:
    first = await write(customer, await customer.get("/chat"), "hello")
    assert first.status_code == 303
    page = await customer.get(first.headers["location"])
    assert page.headers["content-security-policy"] == POLICY
    assert '<p class="said">hello</p>' in page.text
    assert 'http-equiv="refresh"' in page.text, "without a script, the page waits for the reply"
    assert (await customer.get("/chat")).headers["location"] == first.headers["location"]
    early = await write(customer, page, "and?")
    assert early.status_code == 409
    assert "is still being answered" in early.text


async def test_a_form_that_is_sent_twice_is_one_turn(customer: httpx.AsyncClient) -> None:
    begun = await write(customer, await customer.get("/chat/new"), "hello")
    again = await customer.get(begun.headers["location"])
    place = begun.headers["location"]
    for _ in range(2):
        await customer.post(place, data={"text": "more", "sent": sent_of(again)})
    row = await conversations.find(runtime().journal, place.rpartition("/")[2])
    assert row is not None
    assert row.turns == 1


async def test_what_is_written_is_text(customer: httpx.AsyncClient) -> None:
    begun = await write(customer, await customer.get("/chat"), HOSTILE)
    page = (await customer.get(begun.headers["location"])).text
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page
    assert 'href="https://evil.example' not in page


@pytest.mark.parametrize(
    "query,accepts,language",
    [("", "zh-CN,en", "zh"), ("", "de", "en"), ("?lang=zh", "en", "zh"), ("?lang=en", "zh", "en")],
)
async def test_the_page_is_in_the_customers_language(
    customer: httpx.AsyncClient, query: str, accepts: str, language: str
) -> None:
    page = await customer.get(f"/chat{query}", headers={"accept-language": accepts})
    assert f'<html lang="{language}">' in page.text
    assert {"en": "Customer service", "zh": "客户服务"}[language] in page.text


async def test_only_its_customer_sees_a_conversation(
    customer: httpx.AsyncClient, connect: Connect
) -> None:
    begun = await write(customer, await customer.get("/chat"), "hello")
    for other, status in ((OMAR, 404), (ADMIN, 403)):
        page = await connect(other).get(begun.headers["location"], headers={"accept": HTML})
        assert page.status_code == status
        assert "hello" not in page.text
