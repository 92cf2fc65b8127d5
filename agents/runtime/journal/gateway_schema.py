"""The gateway's tables in the journal: what its requests, callers, versions and webhooks leave."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from agents.runtime.journal.schema import Id, metadata

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

# -- lists

gateway_secrets = Table(
    "gateway_secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("secret", Text, nullable=False),
)

# -- versions of the API: pins and use

api_use = Table(
    "api_use",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("caller", Text, primary_key=True),
    Column("workflow", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("last_at", Double, nullable=False),
)

# -- rollouts of agents' versions

# The latest row of a scenario says with which major version a new item begins.
rollouts = Table(
    "rollouts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("scenario", Text, nullable=False),
    Column("current", Integer, nullable=False),
    Column("candidate", Integer, nullable=False),
    Column("share", Double, nullable=False),
    Column("tenants", Text, nullable=False),
    Column("errors", Double, nullable=False),
    Column("slowness", Double, nullable=False),
    Column("samples", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("begun_at", Double, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("drained_at", Double),
    Index("rollouts_scenario", "scenario", "id"),
)

# Which versions a living worker's code has; the rows go with the worker's own.
worker_versions = Table(
    "worker_versions",
    metadata,
    Column("owner", Text, ForeignKey("owners.id", ondelete="CASCADE"), primary_key=True),
    Column("scenario", Text, primary_key=True),
    Column("major", Integer, primary_key=True),
)

Index(
    "rollouts_running",
    rollouts.c.scenario,
    unique=True,
    sqlite_where=text("state = 'running'"),
    postgresql_where=text("state = 'running'"),
)

# -- API keys, sessions and the audit log

# Its columns `hash` and `previous` are hashes of random secrets; the secrets are kept nowhere.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("customer", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("previous", Text),
    Column("previous_until", Double),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
    Column("used_at", Double),
    UniqueConstraint("tenant", "name", name="api_keys_name"),
)

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("key", Text, ForeignKey("api_keys.id"), nullable=False),
    Column("expires_at", Double, nullable=False),
    Index("console_sessions_expired", "expires_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Double, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    # One for each filter of the list, which goes from the newest entry to the oldest.
    Index("audit_newest", "tenant", "at", "id"),
    Index("audit_by", "tenant", "by", "at", "id"),
    Index("audit_act", "tenant", "act", "at", "id"),
    Index("audit_object", "tenant", "object", "at", "id"),
)

# -- webhook endpoints and deliveries

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("events", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("old_secret", Text),
    Column("old_until", Double),
    Column("enabled", Boolean, nullable=False),
    Column("disabled_because", Text),
    Column("failing_since", Double),
    Column("rest_until", Double),
    Column("created_at", Double, nullable=False),
    Index("webhook_endpoints_tenant", "tenant", "id"),
)

# No foreign keys: neither a deleted endpoint nor a pruned item may stop the change of an item's state.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("endpoint", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("item", BigInteger, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("data", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("owner", Text),
    Column("ended_at", Double),
    Column("traceparent", Text),
    Index("webhook_deliveries_endpoint", "endpoint", "id"),
    Index("webhook_deliveries_status", "endpoint", "status", "id"),
    Index("webhook_deliveries_ended", "status", "ended_at"),
)

WAITING_DELIVERY = "status = 'waiting'"
Index(
    "webhook_deliveries_due",
    *(webhook_deliveries.c.endpoint, webhook_deliveries.c.due_at),
    sqlite_where=text(WAITING_DELIVERY),
    postgresql_where=text(WAITING_DELIVERY),
)
Index(
    "webhook_deliveries_order",
    *(webhook_deliveries.c.endpoint, webhook_deliveries.c.item, webhook_deliveries.c.sequence),
    sqlite_where=text(WAITING_DELIVERY),
    postgresql_where=text(WAITING_DELIVERY),
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("delivery", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("status", Integer),
    Column("answer", Text, nullable=False),
    Index("webhook_attempts_delivery", "delivery", "id"),
)

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

# `handover` is the item that waits while a person answers, `handover_after` the turns before it.
conversations = Table(
    "conversations",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("user", Text, nullable=False),
    Column("turns", Integer, nullable=False),
    Column("begun_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
    Column("person", Text, nullable=False),
    Column("handover", Text, nullable=False),
    Column("handover_after", Integer, nullable=False),
    Column("take_overs", Integer, nullable=False),
    Index("conversations_latest", "tenant", "last_at", "id"),
    Index("conversations_user", "tenant", "user", "last_at", "id"),
)

conversation_messages = Table(
    "conversation_messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("sent", Text, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("by", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Double, nullable=False),
    UniqueConstraint("tenant", "conversation", "sent", name="conversation_messages_sent"),
    Index("conversation_messages_of", "tenant", "conversation", "id"),
)
