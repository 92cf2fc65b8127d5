"""Chunks that wait on disk until the whole partition has been seen; a few stay in memory."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Self

import orjson
import pandas as pd
import pyarrow as pa

from agents.analysis.cleaning.rules import Checked, Repair, Violation

IN_MEMORY = 6  # chunks
TYPES = {  # as themselves, also beside missing values
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype("pyarrow"),
    pa.large_string(): pd.StringDtype("pyarrow"),
}


@dataclass(slots=True)
class Spool:
    """Scratch files without names in a folder, of which nothing is left after the block, or after a kill."""

    folder: Path | None = None
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def scratch(self) -> BinaryIO:
        """A new file."""
        file = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115 - closed with the spool
        return self._open.enter_context(file)

    def keep(self, chunks: Iterator[Checked]) -> Iterable[Checked]:
        """Take all chunks; what comes back can be gone through several times; each time the chunks are new objects."""
        held = list(islice(chunks, IN_MEMORY))
        if len(held) < IN_MEMORY or (more := next(chunks, None)) is None:
            return held
        kept = _Kept(self.scratch())
        while held:
            kept.add(held.pop(0))
        kept.add(more)
        del more
        for chunk in chunks:
            kept.add(chunk)
        return kept


@dataclass(slots=True)
class _Kept:
    file: BinaryIO
    _sizes: list[int] = field(default_factory=list)

    def add(self, chunk: Checked) -> None:
        sink = pa.BufferOutputStream()
        table = _table(chunk)
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        self._sizes.append(self.file.write(sink.getvalue()))

    def __iter__(self) -> Iterator[Checked]:
        place = 0
        for size in self._sizes:
            self.file.seek(place)
            yield _chunk(pa.ipc.open_stream(self.file.read(size)).read_all())
            place += size


def _table(chunk: Checked) -> pa.Table:
    """The chunk as one table: values, marks of violations, and texts before and after repairs."""
    given = [chunk.lines, *chunk.typed.values()]
    arrays: list[Any] = [pa.array(values, from_pandas=True) for values in given]
    arrays += [pa.array(one.rows.to_numpy(dtype=bool)) for one in chunk.violations]
    for one in chunk.repairs:
        arrays += [
            pa.array(texts.reindex(range(chunk.rows)), pa.string(), from_pandas=True)
            for texts in (one.before, one.after)
        ]
    facts = {
        "columns": list(chunk.typed),
        "violations": [[v.column, v.rule, v.bad, v.place] for v in chunk.violations],
        "repairs": [[one.column, one.rule] for one in chunk.repairs],
        "unknown": chunk.unknown,
    }
    names = [str(number) for number in range(len(arrays))]
    return pa.Table.from_arrays(arrays, names, metadata={"chunk": orjson.dumps(facts)})


def _chunk(table: pa.Table) -> Checked:
    facts = orjson.loads(table.schema.metadata[b"chunk"])
    frame = table.replace_schema_metadata(None).to_pandas(types_mapper=TYPES.get)
    columns = (frame[name] for name in frame.columns)
    lines = next(columns).astype("int64").rename(None)
    typed = {name: next(columns).rename(None) for name in facts["columns"]}
    violations = [
        Violation(column, rule, next(columns).astype(bool).rename(None), bad, place)
        for column, rule, bad, place in facts["violations"]
    ]
    repairs = []
    for column, rule in facts["repairs"]:
        before, after = next(columns), next(columns)
        rows = before.notna()
        repairs.append(Repair(column, rule, before[rows], after[rows]))
    return Checked(lines, typed, violations, repairs, tuple(facts["unknown"]))
