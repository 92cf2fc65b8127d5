"""Databases: the rows of one query as JSON lines, a piece at a time; nothing is ever committed.

Which databases there are is in the settings; a location names one of them, such as sql://shop.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from sqlalchemy import TextClause, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from agents.analysis.collecting.documents import Document
from agents.runtime.errors import PermanentError, TransientError
from agents.runtime.settings import Settings
from agents.services.fetching.download import Download
from agents.services.files.outcomes import SourceError

SCHEME = "sql"
ROWS = 1_000  # that are fetched at once
MOST_BYTES = 2 << 30
INT64 = range(-(1 << 63), 1 << 63)


class NoDatabase(PermanentError):
    """A database that the settings do not name for this study."""

    def __init__(self, name: str, study: str) -> None:
        super().__init__(name, study)
        self.name, self.study = name, study

    def __str__(self) -> str:
        return (
            f"sql://{self.name}: AGENT_FLOWS_FETCH_DATABASES names no such database for the study "
            f"{self.study!r}"
        )


def url_of(location: str, study: str, here: Settings) -> str:
    """The SQLAlchemy URL of the database that the location names. Raises NoDatabase."""
    name = urlsplit(location).netloc
    for one in here.fetch_databases:
        if one.name == name and any(fnmatchcase(study, studies) for studies in one.studies):
            return one.url.get_secret_value()
    raise NoDatabase(name, study)


def since_of(location: str) -> str:
    """The time from which on rows are asked for, as in sql://shop?since=2025-01-31T00:00:00Z; else empty."""
    return dict(parse_qsl(urlsplit(location).query)).get("since", "")


async def queried(url: str, query: str, store: Path, since: str = "") -> Document:
    """Put the rows of the query into the store; it has the text `since` in the place of :since.

    Raises SourceError if the query is wrong, and TransientError if the database does not answer.
    """
    if not query:
        raise SourceError(
            "query", "a database needs a query: write it under `collect` in the contract"
        )
    asked = text(query)
    if since and "since" not in asked.compile().params:
        raise SourceError("query", "rows are asked for from a time on, and the query has no :since")
    with Download(store) as download:
        try:
            async for lines in _lines(url, asked.bindparams(since=since) if since else asked):
                download.take(lines)
                if download.size > MOST_BYTES:
                    raise SourceError("too-large", f"more than {MOST_BYTES:,} bytes")
        except DBAPIError as error:
            reason = str(error.orig)[:200]
            if error.connection_invalidated or type(error).__name__ in {
                "OperationalError",
                "InterfaceError",
            }:
                raise TransientError(f"the database does not answer: {reason}") from None
            raise SourceError("query", f"the database refuses the query: {reason}") from None
        except SQLAlchemyError as error:
            raise SourceError("query", f"the query cannot be asked: {str(error)[:200]}") from None
        except OSError as error:
            raise TransientError(f"the database does not answer: {error}") from None
        return Document(await download.keep(), download.size, ".jsonl")


async def _lines(url: str, query: TextClause) -> AsyncIterator[bytes]:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                await connection.execution_options(postgresql_readonly=True)
            result = await connection.stream(query)
            names = list(result.keys())
            async for rows in result.partitions(ROWS):
                yield b"".join(_line(names, row) for row in rows)
    finally:
        await engine.dispose()


def _line(names: Sequence[str], row: Sequence[Any]) -> bytes:
    cells = {name: _cell(name, value) for name, value in zip(names, row, strict=True)}
    return orjson.dumps(cells, default=str) + b"\n"


def _cell(name: str, value: Any) -> Any:
    """The value as JSON has it; a number has all its digits."""
    match value:
        case bytes() | memoryview():
            raise SourceError("columns", f"column {name!r} has bytes, which are no cells")
        case timedelta():
            return value.total_seconds()
        case Decimal() if value.is_finite():
            return orjson.Fragment(str(value))
        case int() if value not in INT64:
            return orjson.Fragment(str(value))
        case _:
            return value
