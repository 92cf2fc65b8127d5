"""Secrets that gateways share, such as the one that signs cursors, and indexes of open dead letters.

The earlier release works beside them; if the revision was set back for it, they are here already.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

OPEN = "status = 'open'"


def upgrade() -> None:
    """Create the table and the indexes, unless they are here."""
    op.create_table(
        "gateway_secrets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        if_not_exists=True,
    )
    for name, columns in {
        "dead_letters_open": ["at", "item"],
        "dead_letters_of_agent": ["agent", "at", "item"],
    }.items():
        op.create_index(
            name,
            "dead_letters",
            columns,
            sqlite_where=sa.text(OPEN),
            postgresql_where=sa.text(OPEN),
            if_not_exists=True,
        )
