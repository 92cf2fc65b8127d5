"""Lets the autoscaler's role read the scaling view, and nothing else: `python -m deployments.kubernetes.scaler_role`.

An administrator creates the role once, since its password is a secret of theirs:
`CREATE ROLE agent_flows_scaler LOGIN PASSWORD '…'`. The grant is made again with each release, for a
migration may drop and create the view, and a grant goes with it.
"""

import asyncio
import sys

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from agents.runtime.command_line import run_command
from agents.runtime.settings import settings
from deployments.kubernetes.workloads import VIEW

ROLE = "agent_flows_scaler"


async def grant(url: str, role: str = ROLE) -> str:
    """Grant it; returns what was done. A role that is not there is named, and nothing fails.

    The view reads its tables with its owner's rights, so the role needs none on them.
    """
    engine = create_async_engine(url)
    try:
        if engine.dialect.name != "postgresql":
            return f"nothing to grant: {engine.dialect.name} has no roles"
        async with engine.begin() as connection:
            if not await _exists(connection, role):
                return f"there is no role {role}: create it, or consumers are not scaled"
            await connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {role}"))
            await connection.execute(text(f"GRANT SELECT ON {VIEW} TO {role}"))
    finally:
        await engine.dispose()
    return f"{role} may read {VIEW}"


async def _exists(connection: AsyncConnection, role: str) -> bool:
    query = text("SELECT count(*) FROM pg_roles WHERE rolname = :role")
    return bool(await connection.scalar(query, {"role": role}))


def main() -> int:
    """Grant it and say so."""
    print(asyncio.run(grant(settings().journal)), file=sys.stderr)
    return 0


if __name__ == "__main__":
    run_command(main)
