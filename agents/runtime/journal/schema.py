"""The journal's tables. Times are seconds since 1970 by the clock of the database's host."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData()
Id = BigInteger().with_variant(Integer, "sqlite")


def item_column(*, primary_key: bool = True) -> Column[int]:
    """A reference to the work item a row is about."""
    return Column("item", Id, ForeignKey("items.id"), primary_key=primary_key, nullable=False)


# One row, made by the first process that opens the journal.
installation = Table(
    "installation",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
)

owners = Table(
    "owners",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("lease", Double, nullable=False),
    Column("beat_at", Double, nullable=False),
    Column("flow_run", Text),
)

items = Table(
    "items",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("scenario", Text, nullable=False),
    Column("key", Text, nullable=False),  # in the collation "C", so that an index serves prefixes
    Column("version", Text, nullable=False),
    Column("major", Integer, nullable=False, server_default=text("1")),  # of the version
    Column("state", Text, nullable=False),
    Column("owner", Text),
    Column("fence", Integer, nullable=False),
    Column("deaths", Integer, key="crash_count", nullable=False),  # as earlier releases named it
    Column("sequence", Integer, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("retry_at", Double),
    Column("waiting_since", Double),
    Column("decision", Text),
    Column("outcome", Text),
    Column("failure", Text),
    Column("priority", Text, nullable=False),
    Column("rank", Double, nullable=False),
    Column("trace", Text, nullable=False),
    Column("traceparent", Text),  # what caused the item, if anything traced did (W3C Trace Context)
    Column("accepted_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("deadline", Double),
    Column("body_hash", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("customer", Text),
    # The forecast, made once at acceptance: seconds of work, and JSON of each agent's p50, p90 and mean.
    Column("p50", Double),
    Column("p90", Double),
    Column("expected", Double),  # the mean, which can be added up
    Column("forecast", Text),
    Column("forecast_model", Text),
    Column("costs", Text),  # JSON by resource: the same forecast of what the item will use of it
    Column(
        "precedence", Double
    ),  # among the items of one tenant and priority, the lowest goes first
    UniqueConstraint("tenant", "scenario", "key", name="items_key"),
    # The items of a queue, and a tenant's items in one state, the newest first.
    Index("items_listed", "scenario", "state", "tenant", "accepted_at", "id"),
)

# All columns of an item for a RETURNING clause, which knows a column by its SQL name only.
item_columns = [column.label(column.key) for column in items.c]

# Held items only, so that a condition on `owner` never scans the items that have ended.
Index(
    "items_owner",
    items.c.owner,
    sqlite_where=items.c.owner.is_not(None),
    postgresql_where=items.c.owner.is_not(None),
)

# Items that a claim reads from the front of an index: neither delayed nor suspected of a crash.
READY = "state = 'pending' AND retry_at IS NULL AND deaths = 0"
Index(
    "items_ready_by_version",
    *(items.c.scenario, items.c.major, items.c.rank, items.c.id),
    sqlite_where=text(READY),
    postgresql_where=text(READY),
)

# The same items with a forecast, by their precedence among equals.
PRECEDED = READY + " AND precedence IS NOT NULL"
Index(
    "items_preceding",
    *(items.c.scenario, items.c.major, items.c.tenant, items.c.priority),
    *(items.c.precedence, items.c.id),
    sqlite_where=text(PRECEDED),
    postgresql_where=text(PRECEDED),
)

SUSPECTED = "state = 'pending' AND deaths > 0"
Index(
    "items_suspected",
    *(items.c.scenario, items.c.crash_count),
    sqlite_where=text(SUSPECTED),
    postgresql_where=text(SUSPECTED),
)

# A backlog is counted along these two.
Index("items_accepted", items.c.scenario, items.c.accepted_at)
Index(
    "items_ended",
    *(items.c.scenario, items.c.ended_at),
    sqlite_where=items.c.ended_at.is_not(None),
    postgresql_where=items.c.ended_at.is_not(None),
)

DELAYED = "state = 'pending' AND retry_at IS NOT NULL"
Index(
    "items_delayed",
    *(items.c.scenario, items.c.retry_at),
    sqlite_where=text(DELAYED),
    postgresql_where=text(DELAYED),
)

# Each of these serves one list: its filter and its order. Few items are in them, or none that is new.
RETRYING = "retry_at IS NOT NULL AND waiting_since IS NULL AND state IN ('pending', 'compensating')"
Index(
    "items_retrying",
    *(items.c.scenario, items.c.tenant, items.c.retry_at, items.c.id),
    sqlite_where=text(RETRYING),
    postgresql_where=text(RETRYING),
)
Index(
    "items_asking",
    *(items.c.scenario, items.c.tenant, items.c.waiting_since, items.c.id),
    sqlite_where=items.c.waiting_since.is_not(None),
    postgresql_where=items.c.waiting_since.is_not(None),
)
Index(
    "items_outcome",
    *(items.c.scenario, items.c.tenant, items.c.outcome, items.c.accepted_at, items.c.id),
    sqlite_where=items.c.outcome.is_not(None),
    postgresql_where=items.c.outcome.is_not(None),
)
# Narrow, since each new order writes to it: the scenario is looked up in the few items of a customer.
Index(
    "items_of_customer",
    *(items.c.tenant, items.c.customer, items.c.id),
    sqlite_where=items.c.customer.is_not(None),
    postgresql_where=items.c.customer.is_not(None),
)

queues = Table(
    "queues",
    metadata,
    Column("scenario", Text, primary_key=True),
    Column("virtual", Double, nullable=False),
    Column("at", Double, nullable=False),
    Column("paused", Text),
    # Whether forecasts have proved good enough to order by, and from what wait on an item goes first.
    Column("shortest_first", Boolean, nullable=False, server_default=false()),
    Column("concordance", Double),
    Column("age_limit", Double),
    Column("judged_at", Double),
    Column("fifo", Text),  # who holds the queue to first in, first out, and why
)

shares = Table(
    "shares",
    metadata,
    Column("scenario", Text, primary_key=True),
    Column("tenant", Text, primary_key=True),
    Column("priority", Text, primary_key=True),
    Column("finish", Double, nullable=False),
)

rates = Table(
    "rates",
    metadata,
    Column("scenario", Text, primary_key=True),
    Column("tenant", Text, primary_key=True),
    Column("per_second", Double, nullable=False),
    Column("burst", Integer, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("turn_at", Double, nullable=False),
)

history = Table(
    "history",
    metadata,
    item_column(),
    Column("sequence", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    Column("event", Text, nullable=False),
    Column("source", Text),
    Column("target", Text, nullable=False),
    Column("owner", Text),
    Column("fence", Integer, nullable=False),
    Column("detail", Text),
    sqlite_with_rowid=False,
)

steps = Table(
    "stages",
    metadata,
    item_column(),
    Column("agent", Text, primary_key=True),
    Column("occurrence", Integer, primary_key=True),
    Column("version", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("output", Text),
    Column("error", Text),
    Column("started_at", Double),
    Column("used", Text),  # JSON: what it has used of what somebody pays for, in all attempts
    sqlite_with_rowid=False,
)

# Steps that have not succeeded, by their agent.
UNDONE = "status NOT IN ('done', 'superseded')"
Index(
    "stages_undone",
    *(steps.c.agent, steps.c.item),
    sqlite_where=text(UNDONE),
    postgresql_where=text(UNDONE),
)

effects = Table(
    "effects",
    metadata,
    item_column(),
    Column("agent", Text, primary_key=True),
    Column("occurrence", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("status", Text, nullable=False),
    Column("intended_at", Double, nullable=False),
    Column("generation", Integer, nullable=False, server_default=text("0")),
    Column("spent", Boolean, nullable=False, server_default=false()),
    sqlite_with_rowid=False,
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    item_column(primary_key=False),
    Column("topic", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("owner", Text),
    Column("attempts", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("error", Text),
    Column("retry_at", Double),
    Column("deadline", Double),
    Column("traceparent", Text),
    UniqueConstraint("item", "topic", "channel", name="outbox_once"),
)

UNSETTLED = "status <> 'sent'"
Index(
    "outbox_unsettled",
    *(outbox.c.status, outbox.c.at),
    sqlite_where=text(UNSETTLED),
    postgresql_where=text(UNSETTLED),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    item_column(),
    Column("at", Double, nullable=False),
    Column("agent", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error_type", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("original", Text),
)

OPEN = "status = 'open'"
Index(
    "dead_letters_open",
    *(dead_letters.c.at, dead_letters.c.item),
    sqlite_where=text(OPEN),
    postgresql_where=text(OPEN),
)
Index(
    "dead_letters_of_agent",
    *(dead_letters.c.agent, dead_letters.c.at, dead_letters.c.item),
    sqlite_where=text(OPEN),
    postgresql_where=text(OPEN),
)

# The tables of the bus: see agents/runtime/messaging.
messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("item", Id),
    Column("sequence", Integer),
    Column("trace", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("relay_at", Double, nullable=False),
    Column("epoch", Text),
    Index("messages_topic", "topic", "at"),
    Index("messages_item", "item", "topic", "sequence"),
)

Index(
    "messages_unpublished",
    messages.c.relay_at,
    sqlite_where=messages.c.epoch.is_(None),
    postgresql_where=messages.c.epoch.is_(None),
)

positions = Table(
    "positions",
    metadata,
    Column("item", Id, primary_key=True, autoincrement=False),
    Column("sequence", Integer, nullable=False),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("grp", Text, primary_key=True),
    Column("since", Double, nullable=False),
)

inbox = Table(
    "inbox",
    metadata,
    Column("message", Text, primary_key=True),
    Column("grp", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("deliveries", Integer, nullable=False),
    Column("at", Double, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("message", Text, primary_key=True),
    Column("deadline", Double, nullable=False),
    Column("reply", Text),
    Column("version", Text),
    Column("error", Text),
    Column("replied_at", Double),
)

dead_messages = Table(
    "dead_messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("grp", Text, nullable=False),
    Column("message", Text),
    Column("reason", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("deliveries", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("status", Text, nullable=False),
    Column("at", Double, nullable=False),
)

# What outside systems report: see agents/runtime/journal/provider_events.py.
provider_events = Table(
    "provider_events",
    metadata,
    Column("system", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("handled_at", Double),
)

Index(
    "provider_events_unhandled",
    provider_events.c.system,
    provider_events.c.at,
    sqlite_where=provider_events.c.handled_at.is_(None),
    postgresql_where=provider_events.c.handled_at.is_(None),
)

cursors = Table(
    "cursors",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", Double, nullable=False),
)
