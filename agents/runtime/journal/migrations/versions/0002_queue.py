"""The queue: items get a priority and a rank; queues, shares of tenants and rates their tables."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

READY = "state = 'pending' AND retry_at IS NULL AND deaths = 0"
SUSPECTED = "state = 'pending' AND deaths > 0"


def upgrade() -> None:
    """Add columns, tables and indexes; what waits already keeps the order in which it came."""
    # The defaults stay: SQLite can only drop them with the table, which others refer to.
    op.add_column(
        "items", sa.Column("priority", sa.Text(), nullable=False, server_default="normal")
    )
    op.add_column("items", sa.Column("rank", sa.Double(), nullable=False, server_default="0"))
    op.execute("UPDATE items SET rank = accepted_at")
    op.create_table(
        "queues",
        sa.Column("scenario", sa.Text(), nullable=False),
        sa.Column("virtual", sa.Double(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("paused", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("scenario"),
    )
    op.create_table(
        "shares",
        sa.Column("scenario", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("finish", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("scenario", "tenant", "priority"),
    )
    op.create_table(
        "rates",
        sa.Column("scenario", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("per_second", sa.Double(), nullable=False),
        sa.Column("burst", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("turn_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("scenario", "tenant"),
    )
    op.create_index(
        "items_ready",
        "items",
        ["scenario", "rank", "id"],
        sqlite_where=sa.text(READY),
        postgresql_where=sa.text(READY),
    )
    op.create_index(
        "items_suspected",
        "items",
        ["scenario", "deaths"],
        sqlite_where=sa.text(SUSPECTED),
        postgresql_where=sa.text(SUSPECTED),
    )
    op.create_index("items_accepted", "items", ["scenario", "accepted_at"])
    op.create_index(
        "items_ended",
        "items",
        ["scenario", "ended_at"],
        sqlite_where=sa.text("ended_at IS NOT NULL"),
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
