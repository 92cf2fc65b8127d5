"""The results of a partition, written chunk by chunk: good rows, quarantine and log."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from agents.analysis.cleaning.changes import SCHEMA
from agents.analysis.cleaning.partition import CleanResult
from agents.analysis.study_store import LOG, PART, QUARANTINE


@dataclass(slots=True)
class Results:
    """The files in `folder`, complete after the block, and what their rows add up to."""

    folder: Path
    good: int = 0
    quarantined: int = 0
    deduplicated: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    discarded: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)
    warned: Counter[str] = field(default_factory=Counter)
    _rows: pq.ParquetWriter | None = None
    _log: pq.ParquetWriter | None = None
    _quarantine: BinaryIO | None = None
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, result: CleanResult, unknown: Sequence[str]) -> None:
        """Write the result of a chunk; `unknown` are columns beyond the contract that any chunk has."""
        self.good += len(result.good)
        self.quarantined += len(result.quarantine)
        self.deduplicated += result.deduplicated
        for all_rules, some in (
            (self.rules, result.rules),
            (self.discarded, result.discarded),
            (self.repaired, result.repaired),
            (self.warned, result.warned),
        ):
            all_rules.update(some)
        self._add_rows(result, unknown)
        if result.quarantine:
            self._quarantine = self._quarantine or self._open.enter_context(
                (self.folder / QUARANTINE).open("wb")
            )
            self._quarantine.write(b"".join(orjson.dumps(r) + b"\n" for r in result.quarantine))
        if len(result.log):
            self._log = self._log or self._writer(LOG, SCHEMA)
            self._log.write_table(result.log)

    def sha256(self) -> str:
        """The digest of the file of good rows."""
        with (self.folder / PART).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _add_rows(self, result: CleanResult, unknown: Sequence[str]) -> None:
        frame = result.good
        lacking = [name for name in unknown if name not in frame.columns]
        if self._rows is None:
            schema = pa.Schema.from_pandas(frame, preserve_index=False).remove_metadata()
            for name in lacking:
                schema = schema.append(pa.field(name, pa.string()))
            self._rows = self._writer(PART, schema)
        if lacking:
            frame = frame.reindex(columns=[*frame.columns, *lacking])
        if len(frame):
            table = pa.Table.from_pandas(frame, self._rows.schema, preserve_index=False)
            self._rows.write_table(table.replace_schema_metadata(None))

    def _writer(self, name: str, schema: pa.Schema) -> pq.ParquetWriter:
        writer = pq.ParquetWriter(self.folder / name, schema, compression="zstd")
        return self._open.enter_context(writer)
