"""Servers for measurements: PostgreSQL with its durable defaults, and a Valkey in a folder."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from agents.runtime.redis.embedded import EmbeddedValkey
from tests.databases import embedded_postgres

NewDatabase = Callable[[], str]


@contextmanager
def postgresql() -> Iterator[NewDatabase]:
    """A function that creates empty databases on a server of its own; each commit reaches the disk."""
    home = Path(
        tempfile.mkdtemp(prefix="pg-")
    )  # as root the server runs as another user, who needs access
    home.chmod(0o755)
    server = embedded_postgres().get_server(home / "data", cleanup_mode="stop")
    url: str = server.get_uri().replace("postgresql://", "postgresql+asyncpg://")
    numbers = count()

    def new() -> str:
        name = f"bench{next(numbers)}"
        asyncio.run(_create(url, name))
        return url.replace("/postgres?", f"/{name}?")

    try:
        yield new
    finally:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def valkey(folder: Path) -> Iterator[Path]:
    """The socket of the folder's server."""
    embedded = EmbeddedValkey(folder)
    try:
        yield embedded.ensure()
    finally:
        embedded.leave()


async def _create(url: str, name: str) -> None:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    await engine.dispose()
