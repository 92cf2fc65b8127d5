"""The scheduler's tables in the journal: dependencies, resources, and the bounds of scaling."""

from sqlalchemy import Column, Double, Index, Integer, Table, Text

from agents.runtime.journal.gateway_schema import metadata  # so that the metadata has all tables
from agents.runtime.journal.schema import Id, item_column

__all__ = ["metadata"]

# An item waits until every item that it needs has completed.
dependencies = Table(
    "dependencies",
    metadata,
    item_column(),
    Column("needs", Id, primary_key=True, autoincrement=False, nullable=False),
    Index("dependencies_needs", "needs"),
)

# How much there is of a resource: for all tenants, or for one. With `window_seconds` it is a quota, of
# which so much may be used in any such time. `at_limit` says what a quota does with items beyond it.
capacities = Table(
    "capacities",
    metadata,
    Column("resource", Text, primary_key=True),
    Column("tenant", Text, primary_key=True, server_default=""),
    Column("amount", Double, nullable=False),
    Column("window_seconds", Double),
    Column("at_limit", Text),
)

# What is taken. Without `until` it is given back with the step's outcome, or after its owner has died.
holdings = Table(
    "holdings",
    metadata,
    Column("id", Id, primary_key=True),
    Column("resource", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    item_column(primary_key=False),
    Column("agent", Text, nullable=False),
    Column("amount", Double, nullable=False),
    Column("owner", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("until", Double),
    Index("holdings_resource", "resource", "tenant", "until"),
    Index("holdings_item", "item", "agent"),
    Index("holdings_owner", "owner"),
)

# Steps that wait for a resource. The oldest of each resource has it reserved.
resource_waits = Table(
    "resource_waits",
    metadata,
    item_column(),
    Column("agent", Text, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("amount", Double, nullable=False),
    Column("since", Double, nullable=False),
    Index("resource_waits_order", "resource", "since", "item"),
)

# How many consumers a queue may have, read by the view `agent_flows_scale`.
scale_bounds = Table(
    "scale_bounds",
    metadata,
    Column("scenario", Text, primary_key=True),
    Column("least", Integer, nullable=False),
    Column("most", Integer, nullable=False),
    Column("target_seconds", Double, nullable=False),
    Column("cooldown_seconds", Double, nullable=False),
)
