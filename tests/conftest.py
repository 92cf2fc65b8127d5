"""Fixtures that tests of every part use."""

from tests.databases import (
    empty_databases,
    journal_settings,
    journal_url,
    new_postgresql_database,
    postgresql_url,
    sqlite_url,
)

__all__ = [
    "empty_databases",
    "journal_settings",
    "journal_url",
    "new_postgresql_database",
    "postgresql_url",
    "sqlite_url",
]
