"""Dependencies over all partitions of a source: the published rows that differ from others with the same key.

Cleaning compares the rows of one partition; here a breach only counts, and a file lists it for people.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pandas as pd
import pyarrow.parquet as pq

from agents.analysis.cleaning.dependencies import Differing, Votes
from agents.analysis.cleaning.hashes import Hashes
from agents.analysis.cleaning.rules import Checked
from agents.analysis.cleaning.spool import TYPES, Spool
from agents.analysis.contract import Contract, Dependency
from agents.analysis.models import Dataset, Part
from agents.runtime.files import write_whole

MOST_LISTED = 10_000


def write_differing(contract: Contract, dataset: Dataset) -> int:
    """Write the first MOST_LISTED differing rows to `differing-SOURCE.jsonl`, and return how many there are.

    Raises TooManyDisagree.
    """
    path = dataset.folder / f"differing-{contract.name}.jsonl"
    path.unlink(missing_ok=True)
    parts = [part for part in dataset.parts if part.source == contract.name]
    lines, count = list[str](), 0
    for dependency in contract.dependencies:
        for part, chunk, one in _differing(dependency, _Rows(dataset, parts, dependency)):
            rows = one.rows | one.undecided
            count += int(rows.sum())
            chosen = rows.index[rows][: MOST_LISTED - len(lines)]
            lines += [
                orjson.dumps(r).decode() for r in _records(part, chunk, one, chosen, dependency)
            ]
    if lines:
        write_whole(path, "\n".join(lines) + "\n")
    return count


@dataclass(frozen=True, slots=True)
class _Rows:
    """The columns of a dependency in all parts; each time they are read once more, a part in several chunks."""

    dataset: Dataset
    parts: list[Part]
    dependency: Dependency

    def by_part(self) -> Iterator[tuple[Part, Checked]]:
        """Each chunk with its part."""
        columns = list(dict.fromkeys([*self.dependency.by, *self.dependency.same]))
        for part in self.parts:
            with pq.ParquetFile(self.dataset.folder / part.file) as file:
                for batch in file.iter_batches(columns=columns, use_threads=False):
                    frame = batch.to_pandas(types_mapper=TYPES.get).reindex(columns=columns)
                    lines = pd.Series(range(len(frame)), dtype="int64")
                    yield part, Checked(lines, {n: frame[n] for n in columns}, [], [], ())

    def __iter__(self) -> Iterator[Checked]:
        for _, chunk in self.by_part():
            yield chunk


def _differing(dependency: Dependency, rows: _Rows) -> Iterator[tuple[Part, Checked, Differing]]:
    with Spool(rows.dataset.folder) as spool:
        votes = [Votes(dependency, column, Hashes(spool)) for column in dependency.same]
        for chunk in rows:
            for one in votes:
                one.see(chunk)
        for one in votes:
            one.count(rows)
        if any(one.is_open for one in votes):
            for part, chunk in rows.by_part():
                for one in votes:
                    yield part, chunk, one.differing(chunk)


def _records(
    part: Part, chunk: Checked, one: Differing, rows: pd.Index, dependency: Dependency
) -> Iterator[dict[str, Any]]:
    for row in rows:
        right = one.majority[row] if one.rows[row] else None
        yield {
            "partition": part.name,
            "by": {name: str(chunk.typed[name][row]) for name in dependency.by},
            "column": one.column,
            "found": str(chunk.typed[one.column][row]),
            "most_frequent": right if right is None else str(right),
        }
