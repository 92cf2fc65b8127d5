"""The list of versions: what changed, when a version ends, and who still uses it."""

from dataclasses import replace

import pytest
from fastapi import FastAPI

from agents.runtime.context import runtime
from agents.runtime.journal import api_use
from agents.runtime.journal.api_use import User
from deployments.gateway import use_counter
from deployments.gateway.api_versions import FIRST, HEADER, versions
from tests.deployments.gateway.conftest import ADMIN, Connect


async def test_the_list_says_who_still_uses_what(connect: Connect) -> None:
    shop = connect(replace(ADMIN, name="shop", key="key-1", version=FIRST))
    other = connect(replace(ADMIN, name="other", tenant="other"))
    for client in (shop, shop, other):
        assert (await client.get("/v/orders/none")).status_code == 404
    await shop.get("/v/no-workflow/none")
    found = (await shop.get("/versions")).json()
    assert found["newest"] == versions().newest
    assert [one["version"] for one in found["versions"]] == list(versions().names)
    (use,) = found["uses"]
    assert (use["caller"], use["workflow"], use["requests"]) == ("key-1", "orders", 2)
    (use,) = (await other.get("/versions")).json()["uses"]
    assert (use["caller"], use["version"]) == ("other", versions().newest)


async def test_the_list_says_what_changed_and_when_a_version_ends(connect: Connect) -> None:
    first, newest = (await connect(ADMIN).get("/versions")).json()["versions"]
    assert (first["deprecated"], first["sunset"]) == ("2026-11-29", "2027-11-29")
    assert (newest["deprecated"], newest["sunset"]) == (None, None)
    assert [change["workflow"] for change in newest["changes"]] == ["orders", "handovers"]


async def test_counts_add_up_over_processes(gateway: FastAPI) -> None:
    database = runtime().journal.database
    user, second = User("default", "k", "orders", FIRST), User("default", "a", "orders", FIRST)
    await api_use.add(database, {user: 3, second: 1})
    await api_use.add(database, {user: 4})
    assert {use.user: use.requests for use in await api_use.uses(runtime().journal)} == {
        user: 7,
        second: 1,
    }


async def test_counts_that_cannot_be_stored_are_kept(
    gateway: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter, user = gateway.state.use_counter, User("default", "k", "orders", FIRST)
    counter.count(user)
    with monkeypatch.context() as patched:
        patched.setattr(use_counter, "runtime", lambda: None)  # no open runtime
        await counter.flush()
    counter.count(user)
    await counter.flush()
    (use,) = await api_use.uses(runtime().journal)
    assert use.requests == 2


async def test_the_end_of_the_application_stores_what_was_counted(gateway: FastAPI) -> None:
    async with gateway.router.lifespan_context(gateway):
        gateway.state.use_counter.count(User("default", "k", "orders", FIRST))
    assert len(await api_use.uses(runtime().journal)) == 1


async def test_the_header_of_a_version_is_answered_where_no_workflow_is(connect: Connect) -> None:
    answer = await connect(ADMIN).get("/versions", headers={HEADER: FIRST})
    assert answer.headers[HEADER] == FIRST
