"""Messages that are certainly unsent are tried again: when, and until when.

Rows that an earlier release marked `failed` stay as they are; `messages` lists them, and a person can
send them again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"

UNSETTLED = "status <> 'sent'"


def upgrade() -> None:
    """Add the columns, and an index of the messages that are not sent."""
    op.add_column("outbox", sa.Column("retry_at", sa.Double(), nullable=True))
    op.add_column("outbox", sa.Column("deadline", sa.Double(), nullable=True))
    op.create_index(
        "outbox_unsettled",
        "outbox",
        ["status", "at"],
        sqlite_where=sa.text(UNSETTLED),
        postgresql_where=sa.text(UNSETTLED),
    )
