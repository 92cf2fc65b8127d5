"""Health, readiness and metrics: what a balancer and Prometheus ask."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from agents.runtime.clock import clock
from agents.runtime.context import runtime
from agents.runtime.journal.database import JournalLost
from tests.deployments.gateway.conftest import ADMIN, Connect

OTHER = replace(ADMIN, name="eve", tenant="other")


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """SQLite alone: what differs in SQL is tested at the journal."""
    return sqlite_url


async def test_a_gateway_that_can_serve_is_ready(connect: Connect) -> None:
    nobody = connect(None)
    assert (await nobody.get("/health")).json() == {"status": "lives"}
    assert (await nobody.get("/ready")).json() == {"status": "ready"}


async def test_a_gateway_without_its_lease_lives_and_is_not_ready(connect: Connect) -> None:
    nobody, lease = connect(None), runtime().lease
    lease.lost = JournalLost(Path("journal.db"))
    answer = await nobody.get("/ready")
    assert (answer.status_code, answer.json()["rule"]) == (503, "lease")
    assert answer.headers["retry-after"] == "1"
    lease.lost = None
    lease._beaten = clock().monotonic() - lease.seconds
    assert (await nobody.get("/ready")).json()["rule"] == "lease"
    assert (await nobody.get("/health")).status_code == 200


async def revise(revision: str) -> None:
    async with runtime().journal.database.write() as connection:
        await connection.execute(
            text("UPDATE alembic_version SET version_num = :n"), {"n": revision}
        )


async def test_a_gateway_on_an_earlier_schema_is_not_ready(connect: Connect) -> None:
    nobody = connect(None)
    await revise("0001")
    answer = await nobody.get("/ready")
    assert (answer.status_code, answer.json()["rule"]) == (503, "migration")
    await revise("9999")  # of a newer release, beside which this one works
    assert (await nobody.get("/ready")).status_code == 200


def move(path: str, to: str) -> None:
    Path(path).rename(to)


async def test_a_gateway_whose_journal_is_away_is_not_ready(connect: Connect) -> None:
    nobody, file = connect(None), runtime().journal.database.engine.url.database
    assert file is not None
    move(file, f"{file}.away")
    answer = await nobody.get("/ready")
    move(f"{file}.away", file)
    assert (answer.status_code, answer.json()["rule"]) == (503, "journal")
    assert file not in answer.text


async def test_metrics_are_for_the_installations_own_operators(
    client: httpx.AsyncClient, connect: Connect
) -> None:
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "agent_flows_commits_total" in answer.text
    assert (await connect(OTHER).get("/metrics")).status_code == 403
    assert (await connect(None).get("/metrics")).status_code == 401
