"""The audit log over HTTP: the acts of the caller's tenant, page by page."""

import httpx
import pytest

from agents.runtime.context import runtime
from agents.runtime.journal import audit
from agents.runtime.journal.audit import AuditEntry
from deployments.gateway.access import Principal, Scope
from tests.deployments.gateway.conftest import Connect


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """One database: the SQL is tested on both with the journal."""
    return sqlite_url


async def act(number: int, tenant: str = "default", by: str = "ann") -> None:
    async with runtime().journal.database.write() as connection:
        entry = AuditEntry(tenant, by, "edit", f"item orders/{number}", "why", {"n": number})
        await audit.write(connection, entry)


async def test_the_newest_acts_come_first_and_a_page_leads_to_the_next(
    client: httpx.AsyncClient,
) -> None:
    for number in range(5):
        await act(number)
    found: list[int] = []
    after: dict[str, str] = {}
    while True:
        page = (await client.get("/audit", params={"limit": "2"} | after)).json()
        found += [entry["before"]["n"] for entry in page["entries"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert found == [4, 3, 2, 1, 0]


async def test_acts_are_found_by_name_object_and_age(client: httpx.AsyncClient) -> None:
    for number, by in enumerate(["ann", "ben", "ann"]):
        await act(number, by=by)

    async def count(**wanted: str) -> int:
        return len((await client.get("/audit", params=wanted)).json()["entries"])

    assert await count(by="ann") == 2
    assert await count(by="ann", object="item orders/2") == 1
    assert await count(act="cancel") == 0
    assert await count(until="2020-01-01T00:00:00Z") == 0
    assert await count(since="2020-01-01T00:00:00Z") == 3


async def test_a_tenant_sees_its_own_acts_alone(connect: Connect) -> None:
    await act(1, "default")
    other = connect(Principal("eve", "other", frozenset({Scope.ADMIN})))
    assert (await other.get("/audit")).json() == {"entries": [], "next": None}


@pytest.mark.parametrize(
    "bad",
    [
        {"limit": "-1"},
        {"limit": "1000000000"},
        {"after": "1e9-1"},
        {"since": "yesterday"},
        {"tenant": "other"},
    ],
)
async def test_bad_parameters_are_refused(client: httpx.AsyncClient, bad: dict[str, str]) -> None:
    answer = await client.get("/audit", params=bad)
    assert (answer.status_code, answer.json()["field"]) == (422, f"query.{next(iter(bad))}")
