"""Messages that are certainly unsent are tried again: when, and until when.

Rows that an earlier release marked `failed` stay as they are; `messages` lists them, and a person can
send them again. The earlier release works with these columns; if the revision was set back for it, they
are here already.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

UNSETTLED = "status <> 'sent'"


def upgrade() -> None:
    """Add the columns, and an index of the messages that are not sent."""
    known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("outbox")}
    for name in ("retry_at", "deadline"):
        if name not in known:
            op.add_column("outbox", sa.Column(name, sa.Double(), nullable=True))
    op.create_index(
        "outbox_unsettled",
        "outbox",
        ["status", "at"],
        sqlite_where=sa.text(UNSETTLED),
        postgresql_where=sa.text(UNSETTLED),
        if_not_exists=True,
    )
