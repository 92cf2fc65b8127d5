"""Tables of other programs: which of their columns are read, and of what."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a table: `key` identifies a record; `record` are its own, `rows` those of its rows."""

    key: str
    record: frozenset[str]
    rows: frozenset[str]


@dataclass(frozen=True, slots=True)
class Known:
    """What a reader knows of a table before it reads it.

    `key` is the column that identifies a record, `integers` those whose cells are integers. `shape` looks
    at the header and says, with a Shape, that the table is of another program: then names are taken
    literally, other columns are left out, and a record is {"record": {...}, "rows": [{...}]}. It may
    raise SourceError. `quotes`: cells may be quoted. `quoted` gives the texts of a column, by its name in the
    header, that keep the quotes around them.
    """

    integers: frozenset[str] = frozenset()
    key: str = ""
    shape: Callable[[Sequence[str]], Shape | None] | None = None
    delimiter: str = ""
    quotes: bool = True
    quoted: Callable[[str], Collection[str]] | None = None


NOTHING = Known()
