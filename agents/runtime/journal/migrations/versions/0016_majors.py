"""Items have the major of their version, and a claim reads the queue of each major for itself.

The earlier release works with the column, since every version that it wrote is 1 or 1.x; its claims sort
their queue. If the revision was set back for it, the column is here already.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

READY = "state = 'pending' AND retry_at IS NULL AND deaths = 0"


def upgrade() -> None:
    """Add the column, and exchange the index of the queue."""
    known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("items")}
    if "major" not in known:
        major = sa.Column("major", sa.Integer(), nullable=False, server_default=sa.text("1"))
        op.add_column("items", major)
    op.create_index(
        "items_ready_by_version",
        "items",
        ["scenario", "major", "rank", "id"],
        sqlite_where=sa.text(READY),
        postgresql_where=sa.text(READY),
        if_not_exists=True,
    )
    op.drop_index("items_ready", "items", if_exists=True)
