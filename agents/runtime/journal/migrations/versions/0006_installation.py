"""The journal has an id of its own, and an effect has a generation of its key.

The release before works on such a journal after its revision is set back, and this one migrates it
again: what is there stays.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add table and column, unless an earlier migration has added them."""
    found = sa.inspect(op.get_bind())
    if not found.has_table("installation"):
        op.create_table(
            "installation",
            sa.Column("only", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("id", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("only"),
        )
    if "generation" not in {column["name"] for column in found.get_columns("effects")}:
        generation = sa.Column("generation", sa.Integer(), server_default="0", nullable=False)
        op.add_column("effects", generation)
