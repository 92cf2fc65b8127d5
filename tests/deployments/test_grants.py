"""What deployments/grants.py and deployments/security.md allow is enough to work, and no more."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from agents.runtime.context import open_runtime
from agents.runtime.journal.database import Database
from agents.runtime.redis.client import RedisClient, RedisUnavailable
from agents.runtime.redis.embedded import FOLDER
from agents.runtime.redis.signals import signals
from agents.runtime.settings import Settings
from deployments.grants import APP, GRANTS, SCALER, grant
from tests.agents.runtime.jobs import batch_of, jobs, states
from tests.databases import execute
from tests.redis_servers import Valkey

SECURITY = (Path(__file__).parents[2] / "deployments" / "security.md").read_text(encoding="utf-8")
FORBIDDEN = (
    "CREATE TABLE of_an_attacker (id int)",
    "DROP TABLE items",
    "ALTER TABLE items ADD COLUMN x int",
    "TRUNCATE items",
    "UPDATE alembic_version SET version_num = '0001'",
)
pytestmark = pytest.mark.slow


@pytest.fixture
async def owned(postgresql_url: str) -> str:
    """A journal in which the roles have their grants."""
    for role in GRANTS:
        create = f"CREATE ROLE {role} LOGIN"
        missing = f"DO $$ BEGIN {create}; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        await execute(postgresql_url, missing)
    assert await grant(postgresql_url) == [f"granted {role} what it needs" for role in GRANTS]
    return postgresql_url


def as_role(url: str, role: str) -> str:
    return make_url(url).set(username=role).render_as_string(hide_password=False)


async def test_the_role_of_the_application_works_and_changes_no_schema(
    owned: str, tmp_path: Path
) -> None:
    url = as_role(owned, APP)
    async with open_runtime(Settings(data=tmp_path, journal_url=url)):  # type: ignore[arg-type]
        await batch_of(jobs(3))
        assert set((await states()).values()) == {"processing"}
    database = Database(url)
    try:
        for statement in FORBIDDEN:
            with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
                async with database.write() as connection:
                    await connection.execute(text(statement))
    finally:
        await database.close()


async def test_the_role_of_the_autoscaler_reads_its_view_alone(owned: str) -> None:
    parsed = make_url(owned)
    connection = await asyncpg.connect(
        host=parsed.query["host"], database=parsed.database, user=SCALER
    )
    try:
        assert isinstance(await connection.fetch("SELECT * FROM agent_flows_scale"), list)
        for statement in (*FORBIDDEN, "SELECT * FROM items", "SELECT * FROM owners"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_role_that_is_not_there_is_named(postgresql_url: str) -> None:
    assert await grant("sqlite+aiosqlite:///:memory:") == ["nothing to grant: sqlite has no roles"]


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[Settings]:
    """Settings that name an embedded Valkey as the user of the page, beside an administrator's."""
    embedded = RedisClient(Settings(data=tmp_path))
    await embedded.run(lambda redis: redis.ping())
    [rules] = re.findall(r"^user (agent-flows .+)$", SECURITY, re.MULTILINE)
    Valkey(tmp_path).do("ACL", "SETUSER", *rules.split())
    socket = tmp_path / FOLDER / "valkey.sock"
    url = f"unix://agent-flows:password@{socket}"
    yield Settings(data=tmp_path / "other", redis_url=url)  # type: ignore[arg-type]
    await embedded.close()


async def test_the_user_of_redis_reaches_our_keys_alone(limited: Settings) -> None:
    client = RedisClient(limited)
    try:
        assert await client.run(lambda redis: redis.acl_whoami()) == "agent-flows"
        async with signals(limited) as ours:
            await ours.wake("orders")
            assert await ours.wait("orders", 10.0)
        await client.run(lambda redis: redis.xadd(client.key("stream"), {"a": "b"}))
        for command in (["GET", "theirs"], ["FLUSHALL"], ["CONFIG", "GET", "*"], ["KEYS", "*"]):
            with pytest.raises(RedisUnavailable, match="refuses the call"):
                await client.run(lambda redis, command=command: redis.execute_command(*command))  # type: ignore[misc]
    finally:
        await client.close()


def test_the_page_names_each_role() -> None:
    assert set(re.findall(r"`(agent_flows_\w+)`", SECURITY)) >= {APP, SCALER}
