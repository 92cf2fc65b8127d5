"""Fixtures that tests of every part use."""

from tests.databases import (
    journal_settings,
    journal_url,
    new_postgresql_database,
    postgresql_url,
    sqlite_url,
)

__all__ = [
    "journal_settings",
    "journal_url",
    "new_postgresql_database",
    "postgresql_url",
    "sqlite_url",
]
