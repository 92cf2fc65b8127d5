"""Who still uses which version of the API: requests by caller, workflow and version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import ColumnElement, bindparam, literal_column, select

from agents.runtime.journal import Journal
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.gateway_schema import api_use
from agents.runtime.journal.statements import insert_or_change


@dataclass(frozen=True, slots=True, order=True)
class User:
    """Who uses a version for what: `caller` is the id of an API key, or a name without one."""

    tenant: str
    caller: str
    workflow: str
    version: str


@dataclass(frozen=True, slots=True)
class Use:
    """How many requests a user has sent, and on which day (UTC) the last one."""

    user: User
    requests: int
    last_used: date


async def add(database: Database, counted: Mapping[User, int]) -> None:
    """Add these requests to those before, in one transaction."""
    if not counted:
        return
    rows = [
        {
            "tenant": user.tenant,
            "caller": user.caller,
            "workflow": user.workflow,
            "version": user.version,
            "requests": counted[user],
        }
        for user in sorted(counted)  # the same order in all processes avoids deadlocks
    ]
    async with database.write() as connection:
        more: ColumnElement[int] = literal_column("excluded.requests")
        changes = {"requests": api_use.c.requests + more, "last_at": now()}
        statement = insert_or_change(connection, api_use, changes)
        await connection.execute(
            statement.values(requests=bindparam("requests"), last_at=now()), rows
        )


async def uses(journal: Journal, most: int = 1_000) -> Sequence[Use]:
    """The uses by the journal's tenant, the oldest version first, then who used it last."""
    columns = api_use.c
    query = (
        select(api_use)
        .where(columns.tenant == journal.tenant)
        .order_by(columns.version, columns.last_at.desc())
        .limit(most)
    )
    async with journal.database.read() as connection:
        rows = (await connection.execute(query)).all()
    return [
        Use(
            User(row.tenant, row.caller, row.workflow, row.version),
            row.requests,
            datetime.fromtimestamp(row.last_at, UTC).date(),
        )
        for row in rows
    ]
