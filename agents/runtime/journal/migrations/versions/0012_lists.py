"""Lists of items: each gets an index that serves its filter and its order, and items get a customer.

The earlier release works with these columns and indexes; if the revision was set back for it, they are
here already.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

DELAYED = "state = 'pending' AND retry_at IS NOT NULL"
RETRYING = "retry_at IS NOT NULL AND waiting_since IS NULL AND state IN ('pending', 'compensating')"
UNDONE = "status NOT IN ('done', 'superseded')"
INDEXES = {
    "items_listed": ("items", ["scenario", "state", "tenant", "accepted_at", "id"], None),
    "items_delayed": ("items", ["scenario", "retry_at"], DELAYED),
    "items_retrying": ("items", ["scenario", "tenant", "retry_at", "id"], RETRYING),
    "items_asking": (
        "items",
        ["scenario", "tenant", "waiting_since", "id"],
        "waiting_since IS NOT NULL",
    ),
    "items_outcome": (
        "items",
        ["scenario", "tenant", "outcome", "accepted_at", "id"],
        "outcome IS NOT NULL",
    ),
    "items_customer": (
        "items",
        ["scenario", "tenant", "customer", "accepted_at", "id"],
        "customer IS NOT NULL",
    ),
    "stages_undone": ("stages", ["agent", "item"], UNDONE),
}


def upgrade() -> None:
    """Add the column and the indexes; `items_listed` and `items_delayed` replace `items_waiting`."""
    connection = op.get_bind()
    known = {column["name"] for column in sa.inspect(connection).get_columns("items")}
    if "customer" not in known:
        op.add_column("items", sa.Column("customer", sa.Text(), nullable=True))
    if connection.dialect.name == "postgresql":
        op.alter_column("items", "key", type_=sa.Text(collation="C"), existing_nullable=False)
    for name, (table, columns, where) in INDEXES.items():
        partial = None if where is None else sa.text(where)
        op.create_index(
            name,
            table,
            columns,
            sqlite_where=partial,
            postgresql_where=partial,
            if_not_exists=True,
        )
    op.drop_index("items_waiting", "items", if_exists=True)
