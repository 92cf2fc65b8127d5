"""What a step has really used of what somebody pays for, and what an item is expected to use.

The earlier release works beside it and leaves the columns empty. If the revision was set back for it,
they are here already.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

COLUMNS = {"stages": "used", "items": "costs"}


def upgrade() -> None:
    """Add what is not here."""
    found = sa.inspect(op.get_bind())
    for table, column in COLUMNS.items():
        if column not in {known["name"] for known in found.get_columns(table)}:
            op.add_column(table, sa.Column(column, sa.Text()))
