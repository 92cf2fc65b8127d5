"""Dependencies between items, resources, forecasts, the bounds of scaling, and effects with a spent key.

The earlier release works beside them: it takes items in the order of their rank, and leaves tables and
columns as they are. If the revision was set back for it, they are here already.
"""

import sqlalchemy as sa
from alembic import op

from agents.runtime.journal.migrations.views import scale_0022

revision = "0022"
down_revision = "0021"

PRECEDED = "state = 'pending' AND retry_at IS NULL AND deaths = 0 AND precedence IS NOT NULL"


def upgrade() -> None:
    """Add what is not here."""
    _add("items", *(sa.Column(name, sa.Double()) for name in ("p50", "p90", "expected")))
    _add("items", sa.Column("forecast", sa.Text()), sa.Column("forecast_model", sa.Text()))
    _add("items", sa.Column("precedence", sa.Double()))
    _add("stages", sa.Column("started_at", sa.Double()))
    _add("effects", sa.Column("spent", sa.Boolean(), nullable=False, server_default=sa.false()))
    _add(
        "queues",
        sa.Column("shortest_first", sa.Boolean(), nullable=False, server_default=sa.false()),
        *(sa.Column(name, sa.Double()) for name in ("concordance", "age_limit", "judged_at")),
        sa.Column("fifo", sa.Text()),
    )
    op.create_index(
        "items_preceding",
        "items",
        ["scenario", "major", "tenant", "priority", "precedence", "id"],
        sqlite_where=sa.text(PRECEDED),
        postgresql_where=sa.text(PRECEDED),
        if_not_exists=True,
    )
    _create_dependencies()
    _create_resources()
    op.create_table(
        "scale_bounds",
        sa.Column("scenario", sa.Text(), primary_key=True),
        sa.Column("least", sa.Integer(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("target_seconds", sa.Double(), nullable=False),
        sa.Column("cooldown_seconds", sa.Double(), nullable=False),
        sa.Column("set_by", sa.Text()),
        if_not_exists=True,
    )
    op.create_table(
        "paces",
        sa.Column("scenario", sa.Text(), primary_key=True),
        sa.Column("major", sa.Integer(), primary_key=True, autoincrement=False),
        *(
            sa.Column(name, sa.Double(), nullable=False)
            for name in ("seconds", "items", "forecasts", "work", "at")
        ),
        if_not_exists=True,
    )
    scale_0022.create()


def _add(table: str, *columns: "sa.Column[object]") -> None:
    known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
    for column in columns:
        if column.name not in known:
            op.add_column(table, column)


def _id() -> "sa.types.TypeEngine[int]":
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _item(*, primary_key: bool) -> "sa.Column[int]":
    return sa.Column(
        "item", _id(), sa.ForeignKey("items.id"), primary_key=primary_key, nullable=False
    )


def _create_dependencies() -> None:
    op.create_table(
        "dependencies",
        _item(primary_key=True),
        sa.Column("needs", _id(), primary_key=True, autoincrement=False, nullable=False),
        if_not_exists=True,
    )
    op.create_index("dependencies_needs", "dependencies", ["needs"], if_not_exists=True)


def _create_resources() -> None:
    op.create_table(
        "capacities",
        sa.Column("resource", sa.Text(), primary_key=True),
        sa.Column("tenant", sa.Text(), primary_key=True, server_default=""),
        sa.Column("amount", sa.Double(), nullable=False),
        sa.Column("window_seconds", sa.Double()),
        sa.Column("at_limit", sa.Text()),
        sa.Column("set_by", sa.Text()),
        sa.Column("alerted_at", sa.Double()),
        if_not_exists=True,
    )
    op.create_table(
        "holdings",
        sa.Column("id", _id(), primary_key=True),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        _item(primary_key=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("amount", sa.Double(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        if_not_exists=True,
    )
    for name, columns in {
        "holdings_resource": ["resource", "tenant"],
        "holdings_item": ["item", "agent"],
        "holdings_owner": ["owner"],
    }.items():
        op.create_index(name, "holdings", columns, if_not_exists=True)
    _create_quota_uses()
    _create_resource_waits()


def _create_quota_uses() -> None:
    op.create_table(
        "quota_uses",
        sa.Column("resource", sa.Text(), primary_key=True),
        sa.Column("scope", sa.Text(), primary_key=True),
        sa.Column("until", sa.Double(), primary_key=True),
        sa.Column("amount", sa.Double(), nullable=False),
        if_not_exists=True,
    )


def _create_resource_waits() -> None:
    op.create_table(
        "resource_waits",
        _item(primary_key=True),
        *(sa.Column(name, sa.Text(), primary_key=True) for name in ("agent", "resource", "scope")),
        sa.Column("tenant", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=False) for name in ("amount", "since", "until")),
        sa.Column("blocks", sa.Boolean(), nullable=False),
        if_not_exists=True,
    )
    op.create_index(
        "resource_waits_order",
        "resource_waits",
        ["resource", "scope", "since", "item"],
        if_not_exists=True,
    )
