"""The trace that an item, a notice and a webhook delivery belong to, as W3C Trace Context writes it.

The earlier release works beside it and leaves the columns empty. If the revision was set back for it,
they are here already.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

TABLES = ("items", "outbox", "webhook_deliveries")


def upgrade() -> None:
    """Add what is not here."""
    found = sa.inspect(op.get_bind())
    for table in TABLES:
        if "traceparent" not in {column["name"] for column in found.get_columns(table)}:
            op.add_column(table, sa.Column("traceparent", sa.Text()))
