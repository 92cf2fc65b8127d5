"""What KEDA asks: the query of each ScaledObject, on PostgreSQL, as the role that may read the view alone."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.journal.scale import declare_bounds
from agents.runtime.settings import Settings
from deployments.grants import SCALER, grant
from deployments.resources import SCALES
from tests.agents.runtime.journal.histories import History
from tests.databases import execute
from tests.deployments.kubernetes.cluster import name_of, of_kind

QUERIES = {
    name_of(one): one["spec"]["triggers"][0]["metadata"]["query"]
    for one in of_kind("plain", "ScaledObject")
}
pytestmark = pytest.mark.parametrize("journal_url", ["postgresql"], indirect=True)


@pytest.fixture
async def opened(journal_settings: Settings, journal_url: str) -> AsyncIterator[Runtime]:
    create = (
        f"DO $$ BEGIN CREATE ROLE {SCALER} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    await execute(journal_url, create)
    async with open_runtime(journal_settings) as found:
        yield found


async def as_scaler(url: str) -> asyncpg.Connection:
    parsed = make_url(url)
    return await asyncpg.connect(host=parsed.query["host"], database=parsed.database, user=SCALER)


async def wanted(url: str) -> dict[str, int]:
    """What KEDA would be answered for each ScaledObject."""
    connection = await as_scaler(url)
    try:
        return {name: await connection.fetchval(query) for name, query in QUERIES.items()}
    finally:
        await connection.close()


async def test_each_query_answers_one_number_to_the_role_of_the_autoscaler(
    opened: Runtime, journal_url: str
) -> None:
    assert f"granted {SCALER} what it needs" in await grant(journal_url)
    async with opened.journal.database.write() as connection:
        await declare_bounds(connection, SCALES)
    state = {"state": "pending", "scenario": "invoices", "major": 2}
    await History(opened.journal).add(400, state, version="2", expected=10.0)

    found = await wanted(journal_url)

    assert found.keys() == QUERIES.keys()
    assert all(isinstance(number, int) for number in found.values())
    assert found["consumer-invoices-v2"] == 4, "as many as its bounds allow"
    assert found["consumer-orders-v1"] == 1, "the current version keeps its least"
    assert found["consumer-changes-v1"] == 0, "a queue without work is at zero, not unknown"


async def test_the_role_reads_no_table_and_writes_nothing(
    opened: Runtime, journal_url: str
) -> None:
    await grant(journal_url)
    connection = await as_scaler(journal_url)
    try:
        for statement in (
            "SELECT * FROM items",
            "SELECT * FROM api_keys",
            "DELETE FROM items",
            "CREATE TABLE own (id integer)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_view_that_was_made_again_is_granted_by_the_next_release(
    opened: Runtime, journal_url: str
) -> None:
    await grant(journal_url)
    definition = "SELECT pg_get_viewdef('agent_flows_scale'::regclass)"
    owner = await asyncpg.connect(
        host=make_url(journal_url).query["host"],
        database=make_url(journal_url).database,
        user=make_url(journal_url).username,
    )
    try:
        text = await owner.fetchval(definition)
        await owner.execute(f"DROP VIEW agent_flows_scale; CREATE VIEW agent_flows_scale AS {text}")
    finally:
        await owner.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await wanted(journal_url)
    await grant(journal_url)
    assert (await wanted(journal_url)).keys() == QUERIES.keys()
