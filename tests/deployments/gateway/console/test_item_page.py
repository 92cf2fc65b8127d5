"""One item's page, and the acts that its forms do."""

import re
from dataclasses import replace
from html import unescape

import httpx
import pytest
from sqlalchemy import insert, select, update

from agents.runtime.context import runtime
from agents.runtime.journal.queries import named
from agents.runtime.journal.schema import history, items
from agents.runtime.model.forecast import Expected, Forecast
from deployments.gateway.access import Principal, Scope
from deployments.gateway.console.item_page import EVENTS
from tests.deployments.gateway.conftest import ADMIN, Connect
from tests.deployments.gateway.console.conftest import HTML
from tests.deployments.gateway.console.orders_in_journal import RUN, STORIES
from tests.deployments.gateway.console.test_overview import text_of

KEYS = [story.key for story in STORIES]
DEAD, ASKS, RETRIES, RUNS = KEYS[14], KEYS[12], KEYS[17], KEYS[18]


def hidden(page: httpx.Response, form: str = "") -> dict[str, str]:
    """The hidden inputs of the first form of the page that has this text."""
    for found in re.findall(r"<form method=\"post\".*?</form>", page.text, re.DOTALL):
        if form in found:
            pairs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found)
            return {name: unescape(value) for name, value in pairs}
    raise AssertionError(f"the page has no form with {form}")


async def state_of(key: str) -> str:
    [row] = await named(runtime().journal, "orders", [key])
    return str(row.state)


async def test_the_page_of_a_dead_letter(console: httpx.AsyncClient) -> None:
    text = text_of(await console.get(f"/console/items/orders/{DEAD}"))
    assert "Waits for a person since" in text
    assert "paid USD 3,298.16" in text
    assert "book shipment failed 3 failed attempts" in text
    assert "reservation res_01J9" in text
    assert f"0123456789abcdef:default:orders:{DEAD}:capture_payment:0" in text
    assert "dead letter → dead lettered no carrier takes the parcel: postal code 99999" in text
    assert "after 100 ms" in text
    assert RUN in text
    for act in ("Replay…", "Edit its body…", "Restart at a stage…", "Cancel and undo…", "Discard…"):
        assert act in text


async def test_a_page_has_forms_for_what_is_allowed_only(console: httpx.AsyncClient) -> None:
    for key, words, acts in (
        (ASKS, "Waits for a person since", 3),
        (RETRIES, "Waits for the next attempt of authorise payment", 1),
        (RUNS, "A process works on it", 1),
        (KEYS[0], "completed shipped", 0),
    ):
        page = await console.get(f"/console/items/orders/{key}")
        assert words in text_of(page)
        assert page.text.count('name="reason"') == acts, key


async def test_who_may_not_act_gets_no_forms(console: httpx.AsyncClient, connect: Connect) -> None:
    reader = connect(Principal("rob", "default", frozenset({Scope.READ})))
    page = await reader.get(f"/console/items/orders/{DEAD}")
    assert "What you can do now" not in page.text
    assert "<form" not in (await reader.get("/console/approvals")).text
    form = {"act": "cancel", "sequence": "3", "id": "0123456789", "reason": "r"}
    assert (await reader.post(f"/console/acts/orders/{DEAD}", data=form)).status_code == 403


async def test_a_button_pressed_twice_acts_once(console: httpx.AsyncClient) -> None:
    page = await console.get(f"/console/items/orders/{DEAD}")
    form = hidden(page, 'value="replay"') | {"reason": "the carrier is back"}
    answers = [await console.post(f"/console/acts/orders/{DEAD}", data=form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert await state_of(DEAD) == "pending"
    page = await console.get(answers[1].headers["location"])
    assert "Done: replay. The item is now pending." in text_of(page)
    assert text_of(page).count("the carrier is back") == 1


async def test_an_act_on_an_item_that_has_changed_is_refused_with_a_way_on(
    console: httpx.AsyncClient,
) -> None:
    page = await console.get(f"/console/items/orders/{ASKS}")
    late = hidden(page, 'value="cancel"') | {"reason": "too late"}
    approval = hidden(page, 'value="decide"') | {"verdict": "approve", "reason": "a known customer"}
    await console.post(f"/console/acts/orders/{ASKS}", data=approval)
    assert await state_of(ASKS) == "pending"
    refused = await console.post(
        f"/console/acts/orders/{ASKS}",
        data=late,
        headers={"referer": f"http://127.0.0.1/console/items/orders/{ASKS}"},
    )
    assert refused.status_code == 412
    assert f'href="/console/items/orders/{ASKS}">Go back' in refused.text
    assert await state_of(ASKS) == "pending"


async def test_a_form_without_a_reason_says_so(console: httpx.AsyncClient) -> None:
    page = await console.get(f"/console/items/orders/{DEAD}")
    form = hidden(page, 'value="cancel"') | {"reason": " "}
    answer = await console.post(f"/console/acts/orders/{DEAD}", data=form)
    assert answer.status_code == 422
    assert "form.reason" in answer.text
    assert await state_of(DEAD) == "dead_lettered"


async def test_another_page_is_no_way_on_from_a_form(console: httpx.AsyncClient) -> None:
    form = {"act": "cancel", "sequence": "3", "id": "0123456789", "reason": "r"}
    answer = await console.post(
        f"/console/acts/orders/{DEAD}", data=form | {"next": "https://example.com/"}
    )
    assert answer.status_code == 422


@pytest.mark.slow
async def test_a_long_time_line_is_in_pages(console: httpx.AsyncClient) -> None:
    async with runtime().journal.database.write() as connection:
        item = await connection.scalar(select(items.c.id).where(items.c.key == RETRIES))
        row = (await connection.execute(select(history).where(history.c.item == item))).first()
        assert row is not None
        events = [row._asdict() | {"sequence": number} for number in range(4, 20_001)]
        await connection.execute(insert(history), events)
    page = await console.get(f"/console/items/orders/{RETRIES}")
    assert page.text.count('<li>\n      <div class="when">') == EVENTS
    assert len(page.text) < 60_000
    more = re.search(r'rel="next" href="([^"]+)"', page.text)
    assert more is not None
    assert more[1].endswith(f"?before={20_001 - EVENTS}#timeline")
    page = await console.get(more[1])
    assert page.text.count('<li>\n      <div class="when">') == EVENTS


async def test_an_unknown_item_and_one_of_another_tenant_are_the_same(
    console: httpx.AsyncClient, connect: Connect
) -> None:
    other = connect(replace(ADMIN, name="bob", tenant="other"))
    for client, key in ((console, "W0"), (other, DEAD)):
        page = await client.get(f"/console/items/orders/{key}", headers={"accept": HTML})
        assert page.status_code == 404
        assert f"orders has no item &#39;{key}&#39;" in page.text


async def test_a_mended_body_is_shown_before_it_is_saved(console: httpx.AsyncClient) -> None:
    path = f"/console/edit/orders/{DEAD}"
    page = await console.get(path)
    assert 'name="field.address.postal_code" value="98153"' in page.text
    nothing = await console.post(path, data={"field.address.city": "Seattle"})
    assert "Nothing was changed." in nothing.text
    bad = await console.post(path, data={"field.customer.email": "nobody", "field.total": "many"})
    assert (bad.status_code, bad.text.count('aria-invalid="true"')) == (422, 1)
    bad = await console.post(path, data={"field.customer.email": "nobody"})
    assert 'href="#field.customer.email"' in bad.text
    shown = await console.post(path, data={"field.address.postal_code": "98101"})
    assert "address.postal_code 98153 98101" in text_of(shown)
    assert await state_of(DEAD) == "dead_lettered"
    form = hidden(shown) | {"reason": "a typing error", "retry": "on"}
    for _ in range(2):
        answer = await console.post(path, data=form)
        assert answer.status_code == 303, answer.text
    [row] = await named(runtime().journal, "orders", [DEAD])
    assert (row.state, '"98101"' in row.body) == ("pending", True)


async def test_a_body_that_cannot_be_edited_says_what_is_possible(
    console: httpx.AsyncClient,
) -> None:
    page = await console.get(f"/console/edit/orders/{RUNS}")
    assert page.status_code == 409
    assert "possible now: cancel" in page.text


async def test_the_page_has_the_forecast(console: httpx.AsyncClient) -> None:
    agents = {"charge": Expected(2.0, 4.0, 2.5)}
    columns = Forecast(Expected(10.0, 24.0, 12.0), agents, "7", 12.0).columns()
    async with runtime().journal.database.write() as connection:
        await connection.execute(update(items).where(items.c.key == RETRIES).values(**columns))
    text = text_of(await console.get(f"/console/items/orders/{RETRIES}"))
    assert "Done no consumer runs" in text
    assert "Work 10 s, nine of ten within 24 s" in text
    assert "charge 2.0 s, nine of ten within 4.0 s" in text
