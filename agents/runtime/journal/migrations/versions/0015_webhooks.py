"""Webhook endpoints, their deliveries, and what each attempt was answered.

The earlier release works beside these tables, and announces nothing in them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

WAITING = sa.text("status = 'waiting'")


def upgrade() -> None:
    """Create the tables, unless they are here."""
    _create_endpoints()
    _create_deliveries()
    _create_attempts()


def _create_endpoints() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("old_secret", sa.Text(), nullable=True),
        sa.Column("old_until", sa.Double(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_because", sa.Text(), nullable=True),
        sa.Column("failing_since", sa.Double(), nullable=True),
        sa.Column("rest_until", sa.Double(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        "webhook_endpoints_tenant", "webhook_endpoints", ["tenant", "id"], if_not_exists=True
    )


def _create_deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", _number(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("item", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    _index("webhook_deliveries_endpoint", "endpoint", "id")
    _index("webhook_deliveries_status", "endpoint", "status", "id")
    _index("webhook_deliveries_ended", "status", "ended_at")
    _index("webhook_deliveries_due", "endpoint", "due_at", where=WAITING)
    _index("webhook_deliveries_order", "endpoint", "item", "sequence", where=WAITING)


def _create_attempts() -> None:
    op.create_table(
        "webhook_attempts",
        sa.Column("id", _number(), nullable=False),
        sa.Column("delivery", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        "webhook_attempts_delivery", "webhook_attempts", ["delivery", "id"], if_not_exists=True
    )


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _index(name: str, *columns: str, where: sa.TextClause | None = None) -> None:
    op.create_index(
        name,
        "webhook_deliveries",
        list(columns),
        sqlite_where=where,
        postgresql_where=where,
        if_not_exists=True,
    )
