"""The schema of a journal and its revisions: whether it is current, and how it becomes so."""

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from agents.runtime.errors import AgentError

MIGRATIONS = Path(__file__).parent / "migrations"


class NewerJournal(AgentError):
    """The journal has a schema that this release does not know; it is unchanged."""

    def __init__(self, url: str, found: str, known: str) -> None:
        super().__init__(url, found, known)
        self.url, self.found, self.known = url, found, known

    def __str__(self) -> str:
        return (
            f"a newer release has migrated the journal {self.url} to schema {self.found}, and this release "
            f"knows {self.known} at most: run the newer release, or go back to this one as "
            "deployments/README.md says under `Back to the release before`; nothing was changed"
        )


def is_current(connection: Connection) -> bool:
    """Whether the schema is that of this release, or of a newer one."""
    found = _current_revision(connection)
    return found is not None and (found == revisions()[-1] or found not in revisions())


def _current_revision(connection: Connection) -> str | None:
    """The revision of a journal; None of an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


@cache
def revisions() -> tuple[str, ...]:
    """The revisions that this code has, in their order: each is the number of its file."""
    return tuple(sorted(path.name[:4] for path in MIGRATIONS.glob("versions/[0-9]*.py")))


def upgrade_schema(connection: Connection) -> None:
    """Bring the schema to the newest revision. Raises NewerJournal."""
    # There is almost never an upgrade, and Alembic takes a quarter of a second to load.
    found = _current_revision(connection)
    if found == revisions()[-1]:
        return
    if found is not None and found not in revisions():
        url = connection.engine.url.set(query={})
        raise NewerJournal(url.render_as_string(hide_password=True), found, revisions()[-1])
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - the same

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
