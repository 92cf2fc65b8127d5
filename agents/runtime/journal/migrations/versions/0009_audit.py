"""The audit log. The earlier release works beside it; its acts are in the items' histories only."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

FILTERS = {"audit_newest": [], "audit_by": ["by"], "audit_act": ["act"], "audit_object": ["object"]}


def upgrade() -> None:
    """Create the table, unless it is here."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    texts = ("tenant", "by", "act", "object", "reason", "before", "after")
    op.create_table(
        "audit",
        sa.Column("id", number, primary_key=True),
        sa.Column("at", sa.Double(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        if_not_exists=True,
    )
    for name, columns in FILTERS.items():
        op.create_index(name, "audit", ["tenant", *columns, "at", "id"], if_not_exists=True)
