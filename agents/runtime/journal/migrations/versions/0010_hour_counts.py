"""Counts of items by hour.

The earlier release works beside this table: what it accepts and ends is not counted.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the table, unless it is here."""
    op.create_table(
        "hour_counts",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("scenario", sa.Text(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("writer", sa.Integer(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "scenario", "hour", "name", "writer"),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
