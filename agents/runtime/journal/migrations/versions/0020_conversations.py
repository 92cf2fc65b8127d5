"""Conversations of the gateway, and what people write in them. The earlier release works beside them."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Create the tables and their indexes, unless they are here."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "conversations",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("begun_at", sa.Double(), nullable=False),
        sa.Column("last_at", sa.Double(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("handover", sa.Text(), nullable=False),
        sa.Column("handover_after", sa.Integer(), nullable=False),
        sa.Column("take_overs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id"),
        if_not_exists=True,
    )
    op.create_table(
        "conversation_messages",
        sa.Column("id", number, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("conversation", sa.Text(), nullable=False),
        sa.Column("sent", sa.Text(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant", "conversation", "sent", name="conversation_messages_sent"),
        if_not_exists=True,
    )
    for name, table, columns in (
        ("conversations_latest", "conversations", ["tenant", "last_at", "id"]),
        ("conversations_user", "conversations", ["tenant", "user", "last_at", "id"]),
        ("conversation_messages_of", "conversation_messages", ["tenant", "conversation", "id"]),
    ):
        op.create_index(name, table, columns, if_not_exists=True)
