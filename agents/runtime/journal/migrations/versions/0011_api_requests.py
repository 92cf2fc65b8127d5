"""Requests of the gateway with an Idempotency-Key: what each key was used for, and the first answer.

The earlier release works beside this table; if the revision was set back for it, it is here already.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Create the table, unless it is here."""
    op.create_table(
        "api_requests",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "key"),
        if_not_exists=True,
    )
    op.create_index("api_requests_at", "api_requests", ["at"], if_not_exists=True)
