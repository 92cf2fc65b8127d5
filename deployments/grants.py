"""Lets the journal's roles do what they need, and nothing else: `python -m deployments.grants`.

Run it as the owner of the journal's tables, after each migration: a table or view that a migration creates has no
grants. An administrator creates the roles once, since their passwords are secrets: `CREATE ROLE agent_flows_app
LOGIN PASSWORD '…'`. SQLite has no roles.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from agents.runtime.command_line import run_command
from agents.runtime.settings import settings

APP, SCALER = "agent_flows_app", "agent_flows_scaler"
GRANTS: Mapping[str, Sequence[str]] = {
    # Consumers, workers, gateway and operations: rows, but neither tables nor the revision of the schema.
    APP: (
        "GRANT USAGE ON SCHEMA public TO agent_flows_app",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO agent_flows_app",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO agent_flows_app",
        "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM agent_flows_app",
    ),
    # The autoscaler: the view reads its tables with the rights of its owner.
    SCALER: (
        "GRANT USAGE ON SCHEMA public TO agent_flows_scaler",
        "GRANT SELECT ON agent_flows_scale TO agent_flows_scaler",
    ),
}


async def grant(url: str) -> list[str]:
    """Grant each role that exists what it needs; returns a line for each role."""
    engine = create_async_engine(url)
    try:
        if engine.dialect.name != "postgresql":
            return [f"nothing to grant: {engine.dialect.name} has no roles"]
        async with engine.begin() as connection:
            return [await _grant(connection, role, GRANTS[role]) for role in GRANTS]
    finally:
        await engine.dispose()


async def _grant(connection: AsyncConnection, role: str, statements: Sequence[str]) -> str:
    query = text("SELECT count(*) FROM pg_roles WHERE rolname = :role")
    if not await connection.scalar(query, {"role": role}):
        return f"there is no role {role}: create it to use it"
    for statement in statements:
        await connection.execute(text(statement))
    return f"granted {role} what it needs"


def main() -> int:
    """Grant, and print a line for each role."""
    sys.stdout.write("".join(f"{line}\n" for line in asyncio.run(grant(settings().journal))))
    return 0


if __name__ == "__main__":
    run_command(main)
