"""INSERTs of many rows as the drivers want them: compiled once, and in one statement where that pays."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect


@lru_cache(maxsize=64)
def compiled(
    statement: Any, dialect: Dialect, columns: tuple[str, ...]
) -> tuple[str, Sequence[str], dict[str, Any]]:
    """The SQL, the names of its parameters in their order, and the values that are constant."""
    made = statement.compile(dialect=dialect, column_keys=columns)
    return str(made), made.positiontup, made.params


_PARAMETER = re.compile(r"\$(\d+)::([A-Z]+)")


@lru_cache(maxsize=64)
def together(sql: str) -> str | None:
    """The same INSERT with an array for each column; None if a conflict has parameters of its own."""
    head, _, tail = sql.partition(" VALUES (")
    row, conflict, then = tail.partition(") ON CONFLICT")
    if "$" in then:
        return None
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in _PARAMETER.findall(row))
    names = ", ".join(f"c{n}" for n, _ in _PARAMETER.findall(row))
    row = _PARAMETER.sub(r"c\1", row if conflict else row.removesuffix(")"))
    rest = f"ON CONFLICT{then}" if conflict else ""
    return f"{head} SELECT {row} FROM unnest({arrays}) AS new ({names}) {rest}"  # noqa: S608 - made of what SQLAlchemy has made
