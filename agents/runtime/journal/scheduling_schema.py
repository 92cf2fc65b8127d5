"""The scheduler's tables in the journal: dependencies, resources, and the bounds of scaling."""

from sqlalchemy import Boolean, Column, Double, Index, Integer, Table, Text

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

# How much there is of a resource: for all tenants (""), or for one. With `window_seconds` it is a quota,
# of which that amount may be used in any such time. `at_limit` says what a quota does with items beyond it.
# `set_by` is who set it on this installation; without a name it is as the deployment declares it.
# `alerted_at` is when people last got the alert that a budget is used up.
capacities = Table(
    "capacities",
    metadata,
    Column("resource", Text, primary_key=True),
    Column("tenant", Text, primary_key=True, server_default=""),
    Column("amount", Double, nullable=False),
    Column("window_seconds", Double),
    Column("at_limit", Text),
    Column("set_by", Text),
    Column("alerted_at", Double),
)

# What steps hold while they run: given back with the step's outcome, or after its owner has died.
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
    Index("holdings_resource", "resource", "tenant"),
    Index("holdings_item", "item", "agent"),
    Index("holdings_owner", "owner"),
)

# What was used of quotas, added up over short times; a row counts until its own `until`. Each capacity has
# rows of its own, by its `scope` (a tenant, "" for all), since the windows of two may differ.
quota_uses = Table(
    "quota_uses",
    metadata,
    Column("resource", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("until", Double, primary_key=True),
    Column("amount", Double, nullable=False),
)

# Steps that wait for resources, one row for each capacity that is reserved for them or `blocks` them.
# The oldest of each capacity has it reserved, until the step has not come back by `until`.
resource_waits = Table(
    "resource_waits",
    metadata,
    item_column(),
    Column("agent", Text, primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("scope", Text, primary_key=True),  # the tenant of the capacity, "" for that of all
    Column("tenant", Text, nullable=False),
    Column("amount", Double, nullable=False),
    Column("since", Double, nullable=False),
    Column("until", Double, nullable=False),
    Column("blocks", Boolean, nullable=False),
    Index("resource_waits_order", "resource", "scope", "since", "item"),
)

# How many consumers a queue may have, read by the view `agent_flows_scale`. Without `set_by` it is what
# the deployment declares.
scale_bounds = Table(
    "scale_bounds",
    metadata,
    Column("scenario", Text, primary_key=True),
    Column("least", Integer, nullable=False),
    Column("most", Integer, nullable=False),
    Column("target_seconds", Double, nullable=False),
    Column("cooldown_seconds", Double, nullable=False),
    Column("set_by", Text),
)

# What busy consumers of a version did lately: `items` in `seconds`, and the `work` in seconds of those
# of them with a forecast. See agents/runtime/scheduling/scaling.py.
paces = Table(
    "paces",
    metadata,
    Column("scenario", Text, primary_key=True),
    Column("major", Integer, primary_key=True, autoincrement=False),
    Column("seconds", Double, nullable=False),
    Column("items", Double, nullable=False),
    Column("forecasts", Double, nullable=False),
    Column("work", Double, nullable=False),
    Column("at", Double, nullable=False),
)
