"""Rollouts: with which major version of a scenario new items begin.

The earlier release works beside this table; if the revision was set back for it, it is here already.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

RUNNING = "state = 'running'"


def upgrade() -> None:
    """Create the table, unless it is here."""
    op.create_table(
        "rollouts",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            nullable=False,
        ),
        sa.Column("scenario", sa.Text(), nullable=False),
        sa.Column("current", sa.Integer(), nullable=False),
        sa.Column("candidate", sa.Integer(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("tenants", sa.Text(), nullable=False),
        sa.Column("errors", sa.Double(), nullable=False),
        sa.Column("slowness", sa.Double(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.Double(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.Column("drained_at", sa.Double(), nullable=True),
        if_not_exists=True,
    )
    op.create_index("rollouts_scenario", "rollouts", ["scenario", "id"], if_not_exists=True)
    op.create_index(
        "rollouts_running",
        "rollouts",
        ["scenario"],
        unique=True,
        sqlite_where=sa.text(RUNNING),
        postgresql_where=sa.text(RUNNING),
        if_not_exists=True,
    )
