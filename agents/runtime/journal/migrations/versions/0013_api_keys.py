"""API keys and sessions of the console. The earlier release does not use them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Create the tables, unless they are here."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), primary_key=True),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("tenant", "name", "scopes", "customer", "version", "hash")
        ),
        sa.Column("previous", sa.Text()),
        sa.Column("previous_until", sa.Double()),
        sa.Column("created_at", sa.Double(), nullable=False),
        *(sa.Column(name, sa.Double()) for name in ("expires_at", "revoked_at", "used_at")),
        sa.UniqueConstraint("tenant", "name", name="api_keys_name"),
        if_not_exists=True,
    )
    op.create_table(
        "console_sessions",
        sa.Column("hash", sa.Text(), primary_key=True),
        sa.Column("key", sa.Text(), sa.ForeignKey("api_keys.id"), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        if_not_exists=True,
    )
    op.create_index(
        "console_sessions_expired", "console_sessions", ["expires_at"], if_not_exists=True
    )
