"""API keys over HTTP: what opens, what does not, and what nobody can tell from the answers."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from agents.runtime.context import runtime
from agents.runtime.journal import api_keys
from agents.runtime.journal.api_keys import NameTaken, NewKey
from agents.runtime.settings import Settings
from deployments.gateway.access import Scope
from deployments.gateway.trust import new_key
from tests.deployments.gateway.orders import order

WANTED = {"name": "shop", "scopes": ["submit", "read"], "reason": "a new shop"}


@pytest.fixture
async def http(trusted: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without credentials."""
    transport = httpx.ASGITransport(trusted, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def admin() -> dict[str, str]:
    key = await api_keys.first_key(runtime().journal, tuple(Scope))
    assert key is not None
    return bearer(key)


async def test_a_key_is_made_used_rotated_and_revoked(http: httpx.AsyncClient) -> None:
    boss = await admin()
    made = await http.post("/keys", json=WANTED, headers=boss)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    key = made.json()["key"]
    accepted = await http.post("/v/orders", json=order(), headers=bearer(key))
    assert accepted.status_code == 202
    assert (await http.get("/keys", headers=bearer(key))).status_code == 403
    path = f"/keys/{made.json()['id']}"
    why = {"reason": "it is a year old"}
    new = (await http.post(f"{path}/rotate", json=why | {"overlap_hours": 0}, headers=boss)).json()
    status = accepted.json()["status"]
    assert (await http.get(status, headers=bearer(key))).status_code == 401
    assert (await http.get(status, headers=bearer(new["key"]))).status_code == 200
    assert (await http.post(f"{path}/revoke", json=why, headers=boss)).status_code == 204
    assert (await http.get(status, headers=bearer(new["key"]))).status_code == 401
    assert (await http.post(f"{path}/revoke", json=why, headers=boss)).status_code == 404
    found = (await http.get("/keys", headers=boss)).json()
    assert [(one["name"], one["in_use"]) for one in found["keys"]] == [
        ("first key", True),
        ("shop", False),
    ]
    acts = (await http.get("/audit", params={"object": f"key {new['id']}"}, headers=boss)).json()
    assert [entry["act"] for entry in acts["entries"]] == ["revoke", "rotate", "create"]


async def test_bad_credentials_are_all_answered_alike(http: httpx.AsyncClient) -> None:
    boss = await admin()
    made = (await http.post("/keys", json=WANTED, headers=boss)).json()
    await http.post(f"/keys/{made['id']}/revoke", json={"reason": "lost"}, headers=boss)
    unknown = f"afk_{'0' * 12}_{'x' * 43}"
    answers = [
        await http.get("/audit", headers=bearer(key))
        for key in (made["key"], unknown, made["key"][:-1], "not-a-key", "afk_")
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert {answer.headers["www-authenticate"] for answer in answers} == {
        'Bearer realm="agent-flows", error="invalid_token"'
    }


@pytest.mark.parametrize(
    "header", ["", "Basic YTpi", "Bearer", "Bearer ", "bearer\tx", "Bearer " + "a" * 9_000]
)
async def test_other_credentials_are_refused(http: httpx.AsyncClient, header: str) -> None:
    answer = await http.get("/audit", headers={"authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="agent-flows"')


@pytest.mark.parametrize(
    "bad",
    [
        {"scopes": []},
        {"scopes": ["root"]},
        {"name": ""},
        {"days": 0},
        {"tenant": "other"},
        {"version": "1999-01-01"},
        {"reason": ""},
    ],
)
async def test_a_bad_key_is_not_made(http: httpx.AsyncClient, bad: dict[str, Any]) -> None:
    answer = await http.post("/keys", json=WANTED | bad, headers=await admin())
    assert answer.status_code in {400, 422}
    assert len(await api_keys.keys(runtime().journal)) == 1


async def test_another_tenants_key_does_not_exist(http: httpx.AsyncClient) -> None:
    boss = await admin()
    theirs = NewKey("other", "shop", ("read",))
    made = await api_keys.create(runtime().journal, theirs, "eve", "theirs")
    why = {"reason": "mine?"}
    other = await http.post(f"/keys/{made.id}/revoke", json=why, headers=boss)
    none = await http.post(f"/keys/{'0' * 12}/revoke", json=why, headers=boss)
    assert (other.status_code, none.status_code) == (404, 404)
    assert other.text.replace(made.id, "") == none.text.replace("0" * 12, "")
    twice = [await http.post("/keys", json=WANTED, headers=boss) for _ in range(2)]
    assert [answer.status_code for answer in twice] == [201, 409]


def test_a_key_of_any_tenant_is_made_on_the_command_line(
    tmp_path: Path,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    used = Settings(data=tmp_path, journal_url=SecretStr(sqlite_url))
    monkeypatch.setattr(new_key, "settings", lambda: used)
    who = ["--by", "ann", "--reason", "a new shop"]
    assert new_key.main(["shop", "--tenant", "shop-a", "--scopes", "submit", "read", *who]) == 0
    assert api_keys.is_key(capsys.readouterr().out)
    with pytest.raises(NameTaken):
        new_key.main(["shop", "--tenant", "shop-a", *who])
