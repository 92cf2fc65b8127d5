"""Sessions of the console: what begins and ends one, and what a foreign page cannot do with it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update
from starlette.requests import Request

from agents.runtime.context import runtime
from agents.runtime.journal import api_keys, console_sessions
from agents.runtime.journal.api_keys import NewKey
from agents.runtime.journal.database import now
from agents.runtime.journal.gateway_schema import console_sessions as table
from deployments.gateway.access import Scope
from deployments.gateway.console import pages
from deployments.gateway.trust.credentials import COOKIE
from deployments.gateway.trust.own_forms import csrf_field

BROWSER = {"accept": "text/html", "sec-fetch-site": "same-origin"}
NEW = {"name": "shop", "scopes": ["read"], "reason": "a new shop"}


@pytest.fixture
async def browser(trusted: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client that keeps cookies, as a browser does."""
    transport = httpx.ASGITransport(trusted, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=BROWSER
    ) as client:
        yield client


async def a_key() -> api_keys.MadeKey:
    new = NewKey("default", "ann", tuple(Scope))
    return await api_keys.create(runtime().journal, new, "tests", "an operator")


async def log_in(browser: httpx.AsyncClient, key: str, following: str = "/audit") -> httpx.Response:
    return await browser.post("/login", data={"key": key, "next": following})


def form_token(browser: httpx.AsyncClient) -> str:
    """The token of the session's forms, as a template writes it."""
    request = Request({"type": "http", "headers": []})
    request.state.session = browser.cookies[COOKIE]
    [found] = re.findall(r'value="([0-9a-f]{64})"', csrf_field(request))
    return str(found)


async def test_a_browser_logs_in_acts_and_logs_out(browser: httpx.AsyncClient) -> None:
    made = await a_key()
    asked = await browser.get("/audit?limit=5")
    assert (asked.status_code, asked.headers["location"]) == (
        303,
        "/login?next=%2Faudit%3Flimit%3D5",
    )
    assert 'value="/audit?limit=5"' in (await browser.get(asked.headers["location"])).text
    begun = await log_in(browser, made.key, "/audit?limit=5")
    assert (begun.status_code, begun.headers["location"]) == (303, "/audit?limit=5")
    cookie = begun.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie
    assert made.key not in cookie
    [entry] = (await browser.get("/audit?act=log-in")).json()["entries"]
    assert (entry["by"], entry["after"]) == ("ann", {"key": made.id})
    csrf = form_token(browser)
    assert (await browser.post("/keys", json=NEW)).status_code == 403
    assert (
        await browser.post("/keys", json=NEW, headers={"x-csrf-token": csrf})
    ).status_code == 201
    ended = await browser.post("/logout", data={"csrf": csrf})
    assert ended.headers["location"] == "/login"
    browser.cookies.set(COOKIE, cookie.partition("=")[2].partition(";")[0], domain="127.0.0.1")
    assert (await browser.get("/audit")).status_code == 303, "the cookie is worth nothing any more"


async def test_a_host_that_others_reach_gets_a_secure_cookie(browser: httpx.AsyncClient) -> None:
    made = await a_key()
    begun = await browser.post("http://shop.example/login", data={"key": made.key})
    assert "Secure" in begun.headers["set-cookie"]


@pytest.mark.parametrize(
    "foreign",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8081"},
        {"x-csrf-token": "0" * 64},
        {"x-csrf-token": ""},
    ],
)
async def test_a_foreign_page_acts_for_nobody(
    browser: httpx.AsyncClient, foreign: dict[str, str]
) -> None:
    made = await a_key()
    await log_in(browser, made.key)
    own = {"x-csrf-token": form_token(browser)}
    answer = await browser.post("/keys", json=NEW, headers=own | foreign)
    assert answer.status_code == 403
    assert len(await api_keys.keys(runtime().journal)) == 1
    if "x-csrf-token" not in foreign:
        refused = await browser.post("/login", data={"key": made.key}, headers=foreign)
        assert refused.status_code == 403, "nobody is logged in as somebody else"


async def test_a_token_of_another_session_opens_nothing(browser: httpx.AsyncClient) -> None:
    made = await a_key()
    await log_in(browser, made.key)
    first = form_token(browser)
    await log_in(browser, made.key)
    answer = await browser.post("/keys", json=NEW, headers={"x-csrf-token": first})
    assert answer.status_code == 403


async def test_a_session_ends_with_its_key_or_its_time(browser: httpx.AsyncClient) -> None:
    made = await a_key()
    await log_in(browser, made.key)
    assert (await browser.get("/audit")).status_code == 200
    async with runtime().journal.database.write() as connection:
        await connection.execute(update(table).values(expires_at=now() - 1))
    assert (await browser.get("/audit")).status_code == 303
    await log_in(browser, made.key)
    await api_keys.revoke(runtime().journal, made.id, "tests", "it was lost")
    assert (await browser.get("/audit")).status_code == 303
    assert (await log_in(browser, made.key)).status_code == 401


@pytest.mark.parametrize(
    "following",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "",
        "x\r\ny: z",
    ],
)
async def test_nobody_is_led_to_another_host(browser: httpx.AsyncClient, following: str) -> None:
    begun = await log_in(browser, (await a_key()).key, following)
    assert begun.headers["location"] == "/console"


async def test_a_wrong_key_begins_no_session(browser: httpx.AsyncClient) -> None:
    answer = await log_in(browser, "afk_000000000000_wrong")
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert "not valid" in answer.text


async def test_no_table_holds_the_cookie(browser: httpx.AsyncClient) -> None:
    await log_in(browser, (await a_key()).key)
    session = browser.cookies[COOKIE]
    async with runtime().journal.database.read() as connection:
        rows = (await connection.execute(table.select())).all()
    assert session not in repr(rows)
    assert await console_sessions.key_of(runtime().journal.database, session) is not None
    assert await console_sessions.key_of(runtime().journal.database, "other") is None


def test_every_form_that_acts_has_the_token() -> None:
    templates = Path(pages.__file__).parent / "templates"
    forms = [
        (file.name, form)
        for file in sorted(templates.rglob("*.html"))
        for form in re.findall(r"<form\b.*?</form>", file.read_text(encoding="utf-8"), re.DOTALL)
        if re.search(r'method="post"', form, re.IGNORECASE)
    ]
    assert len(forms) > 1
    # Whoever logs in has no session yet.
    without = [name for name, form in forms if "csrf_field(request)" not in form]
    assert without == ["login.html"]
