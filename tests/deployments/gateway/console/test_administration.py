"""Versions, API keys, webhook endpoints and runs in the console."""

import re

import httpx

from agents.runtime.context import runtime
from agents.runtime.journal import api_keys
from deployments.gateway.access import Principal, Scope
from tests.deployments.gateway.conftest import Connect
from tests.deployments.gateway.console.conftest import HTML
from tests.deployments.gateway.console.orders_in_journal import OWNER, STORIES
from tests.deployments.gateway.console.test_overview import text_of

CANARY = {
    "candidate": "2",
    "share_percent": "5",
    "tenants": "shop-1, shop-2",
    "worse_errors_points": "5",
    "worse_duration_times": "1.5",
    "least_samples": "50",
    "reason": "asks before it books",
}
PUBLIC = "https://93.184.216.34/hooks"  # an address, so that no name is looked up


async def test_a_canary_is_begun_promoted_and_rolled_back(console: httpx.AsyncClient) -> None:
    path = "/console/versions?workflow=invoices"
    base = "/console/versions/invoices"
    assert "1 current 100 %" in text_of(await console.get(path))
    assert "one major version" in text_of(await console.get("/console/versions"))
    done = await console.post(f"{base}/canary", data=CANARY)
    assert (done.status_code, done.headers["location"]) == (303, path)
    text = text_of(await console.get(path))
    assert "Version 2 gets 5 % of the new items and all of shop-1, shop-2, by ann" in text
    assert "2 candidate 5 %" in text
    await console.post(f"{base}/promote", data={"reason": "good"})
    assert "Version 2 was promoted" in text_of(await console.get(path))
    await console.post(f"{base}/roll-back", data={"reason": "bad"})
    assert "version 1 begins all new items , by ann" in text_of(await console.get(path))
    refused = await console.post(f"{base}/canary", data=CANARY | {"share_percent": "101"})
    assert refused.status_code == 422


async def test_a_key_is_shown_once_rotated_and_revoked(console: httpx.AsyncClient) -> None:
    form = {"name": "shop", "scopes": ["submit", "read"], "days": "", "reason": "a new shop"}
    made = await console.post("/console/keys", data=form)
    found = re.search(r'value="(afk_[^"]+)"', made.text)
    assert found is not None
    row = await api_keys.verify(runtime().journal.database, found[1])
    assert row is not None
    page = await console.get("/console/keys")
    assert f"shop {row.id} in use read, submit newest" in text_of(page)
    assert found[1] not in page.text
    rotated = await console.post(
        f"/console/keys/{row.id}/rotate", data={"overlap_hours": "1", "reason": "a year is over"}
    )
    assert 'value="afk_' in rotated.text
    gone = await console.post(f"/console/keys/{row.id}/revoke", data={"reason": "the shop closed"})
    assert gone.status_code == 303
    assert "shop" in text_of(await console.get("/console/keys"))
    assert await api_keys.verify(runtime().journal.database, found[1]) is None
    nothing = await console.post("/console/keys", data={"name": "x", "reason": "r"})
    assert nothing.status_code == 422


async def test_an_endpoint_is_registered_disabled_and_enabled(console: httpx.AsyncClient) -> None:
    form = {"url": PUBLIC, "events": ["orders.ended"], "description": "the shop's own"}
    made = await console.post("/console/webhooks", data=form)
    assert 'value="whsec_' in made.text
    page = await console.get("/console/webhooks")
    assert f"{PUBLIC} the shop's own enabled orders.ended" in text_of(page).replace("&#39;", "'")
    found = re.search(r'<a href="/console/webhooks/([^"]+)"', page.text)
    assert found is not None
    path = f"/console/webhooks/{found[1]}"
    assert "No event has been sent to this endpoint yet." in (await console.get(path)).text
    await console.post(f"{path}/disable", data={"reason": "it moves"})
    assert "disabled" in text_of(await console.get(f"{path}?status=waiting"))
    await console.post(f"{path}/enable", data={"reason": "it has moved"})
    assert "enabled" in text_of(await console.get(path))
    assert 'value="whsec_' in (await console.post(f"{path}/rotate", data={"reason": "r"})).text
    assert (await console.post(f"{path}/redeliver", data={"reason": "r"})).status_code == 303
    missing = await console.post(f"{path}/deliveries/1/redeliver", data={"reason": "r"})
    assert missing.status_code == 404


async def test_runs_show_what_is_in_work(console: httpx.AsyncClient, connect: Connect) -> None:
    text = text_of(await console.get("/console/runs"))
    assert "waits for items" in text, "the process of this test holds nothing"
    for story in STORIES:
        assert (story.key in text) == (story.state in {"processing", "compensating"})
    assert OWNER in text
    other = connect(Principal("eve", "other", frozenset({Scope.READ})))
    text = text_of(await other.get("/console/runs", headers={"accept": HTML}))
    assert "No process is alive" in text
    assert "Nothing is in work." in text
