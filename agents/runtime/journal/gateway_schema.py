"""The gateway's tables in the journal: what its requests, callers, versions and webhooks leave."""

from agents.runtime.journal.schema import metadata

__all__ = ["metadata"]

# -- requests: idempotency keys and first answers

# -- versions of the API: pins and use

# -- rollouts of agents' versions

# -- API keys, sessions and the audit log

# -- webhook endpoints and deliveries

# -- counts by hour

# -- conversations
