"""The layout: pages under a strict policy, errors as pages for browsers, assets of our own."""

from collections.abc import AsyncIterator

import httpx
import pytest

from deployments.gateway.app import create_app
from deployments.gateway.console import assets, formats
from deployments.gateway.console.pages import POLICY
from tests.deployments.gateway.conftest import by_name


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    """A caller without credentials that prefers HTML."""
    transport = httpx.ASGITransport(create_app(by_name), raise_app_exceptions=False)
    headers = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=headers
    ) as made:
        yield made


async def test_a_browser_gets_an_error_as_a_page_and_a_program_as_problem_details(
    browser: httpx.AsyncClient,
) -> None:
    page = await browser.get("/console/no-such-page")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "404 · Not Found" in page.text
    answer = await browser.get("/console/no-such-page", headers={"accept": "*/*"})
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_error_page_writes_what_the_caller_sent_as_text(
    browser: httpx.AsyncClient,
) -> None:
    page = await browser.get("/console/static/<script>alert(1)<%2Fscript>")
    assert page.status_code == 404
    page = await browser.get("/console/static/<b>")
    assert "<b>" not in page.text
    assert "&lt;b&gt;" in page.text


async def test_pages_run_no_foreign_and_no_inline_code(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/console/no-such-page")
    assert page.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert "style=" not in page.text
    assert "<script>" not in page.text
    assert "http://" not in page.text


@pytest.mark.parametrize(
    "name, kind",
    [("console.css", "text/css"), ("console.js", "text/javascript"), ("icon.svg", "image/svg+xml")],
)
async def test_assets_are_kept_by_browsers_until_they_change(
    browser: httpx.AsyncClient, name: str, kind: str
) -> None:
    answer = await browser.get(assets.address(name))
    assert answer.headers["content-type"].startswith(kind)
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0.0123, "12 ms"),
        (4.21, "4.2 s"),
        (59.2, "59 s"),
        (192, "3 min 12 s"),
        (7_260, "2 h 1 min"),
        (90_000, "1 d 1 h"),
        (-65, "-1 min 5 s"),
        (None, ""),
    ],
)
def test_a_duration_has_two_units(seconds: float | None, text: str) -> None:
    assert formats.duration(seconds) == text


def test_a_time_is_utc_without_a_script() -> None:
    assert formats.moment(1_700_000_000.5) == (
        '<time datetime="2023-11-14T22:13:20.500+00:00">14 Nov 2023 22:13:20 UTC</time>'
    )


def test_json_is_indented_and_other_text_is_left() -> None:
    assert formats.indented('{"a":1}') == '{\n  "a": 1\n}'
    assert formats.indented("no JSON") == "no JSON"
