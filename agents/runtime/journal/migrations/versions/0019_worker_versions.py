"""Which versions the code of a worker has.

The earlier release works beside this table, whose rows go with those of the workers; if the revision was
set back for it, it is here already.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Create the table, unless it is here."""
    op.create_table(
        "worker_versions",
        sa.Column(
            "owner",
            sa.Text(),
            sa.ForeignKey("owners.id", ondelete="CASCADE"),
            primary_key=True,
            nullable=False,
        ),
        sa.Column("scenario", sa.Text(), primary_key=True, nullable=False),
        sa.Column("major", sa.Integer(), primary_key=True, nullable=False, autoincrement=False),
        if_not_exists=True,
    )
