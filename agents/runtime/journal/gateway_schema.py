"""The gateway's tables in the journal: what its requests, callers, versions and webhooks leave."""

from sqlalchemy import Column, Double, Index, Integer, Table, Text

from agents.runtime.journal.schema import metadata

__all__ = ["metadata"]

# -- requests: idempotency keys and first answers

api_requests = Table(
    "api_requests",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", Double, nullable=False),
)

Index("api_requests_at", api_requests.c.at)

# -- versions of the API: pins and use

# -- rollouts of agents' versions

# -- API keys, sessions and the audit log

# -- webhook endpoints and deliveries

# -- counts by hour

# -- conversations
