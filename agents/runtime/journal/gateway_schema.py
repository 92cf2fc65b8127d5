"""The gateway's tables in the journal: what its requests, callers, versions and webhooks leave."""

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from agents.runtime.journal.schema import metadata

__all__ = ["metadata"]

# -- requests: idempotency keys and first answers

# -- versions of the API: pins and use

# -- rollouts of agents' versions

# -- API keys, sessions and the audit log

# -- webhook endpoints and deliveries

# -- counts by hour

hour_counts = Table(
    "hour_counts",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("scenario", Text, primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),  # hours since 1970
    Column("name", Text, primary_key=True),
    Column("writer", Integer, primary_key=True, autoincrement=False),
    Column("total", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# -- conversations
