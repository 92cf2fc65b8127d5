"""Work items have a deadline."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; items accepted before have none."""
    op.add_column("items", sa.Column("deadline", sa.Double(), nullable=True))
