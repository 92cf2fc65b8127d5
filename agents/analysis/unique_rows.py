"""Each key once over all partitions of a source: of two rows, the one that wins by the contract is published.

Without `wins` in the contract, that is the row in the later partition, by name, as in the dataset. Without a
key, rows are compared as a whole. A row whose key is incomplete identifies nothing, so no other row replaces
it. Within a partition, cleaning has chosen already.

The memory is bounded: hashes tell which keys several rows have, and only rows with such a key are compared, in
groups of about CELLS cells, so that a source with more of them is read more often. Beyond that, each row takes one
byte, and a partition that loses rows is rewritten piece by piece.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from agents.analysis.cleaning.hashes import Hashes, among, hashed
from agents.analysis.cleaning.keys import in_order_of_winning
from agents.analysis.cleaning.spool import TYPES, Spool
from agents.analysis.contract import Contract
from agents.analysis.models import Part

CELLS = 4_000_000


def unique_parts(folder: Path, contract: Contract, parts: Sequence[Part]) -> list[Part]:
    """The parts of one source without the rows whose key a row that wins has too.

    `folder` has the files of the parts; a part that loses rows gets a new file beside its own, and one with the
    rows that it has lost.
    """
    if len(parts) < 2:
        return list(parts)
    keys = _Keys([folder / part.file for part in parts], contract)
    repeated = np.zeros(sum(part.rows for part in parts), dtype=bool)
    with Spool(folder) as spool:
        for group in keys.groups(spool):
            repeated[keys.losers(group)] = True
    ends = np.cumsum([part.rows for part in parts])
    return [
        _without(folder, part, rows) if rows.any() else part
        for part, rows in zip(parts, np.split(repeated, ends[:-1]), strict=True)
    ]


class _Keys:
    """The keys of all files; their rows are numbered from one file to the next."""

    def __init__(self, files: Sequence[Path], contract: Contract) -> None:
        self._files, self._wins = files, contract.wins
        self._is_whole_row = not contract.key
        self._hashed = list(contract.key or contract.columns)
        names = [name for file in files for name in pq.read_schema(file).names]
        self._columns = list(contract.key or dict.fromkeys(names))
        deciding = contract.wins.partition(" ")[2]
        self._read = list(dict.fromkeys([*self._columns, *([deciding] if deciding else [])]))

    def groups(self, spool: Spool) -> list[np.ndarray]:
        """The hashes that several rows have, in ascending order, in groups that fit into memory."""
        hashes = Hashes(spool)
        for keys in self._batches():
            hashes.add(hashed([keys[name] for name in self._hashed]), keys.index.to_numpy())
        found = hashes.repeated()
        count = -(-len(found) * len(self._columns) // CELLS)
        return [found[number::count] for number in range(count)]

    def losers(self, group: np.ndarray) -> np.ndarray:
        """The rows with a key of this group that another row replaces."""
        found, rows = list[pd.Index](), pd.DataFrame()
        for keys in self._batches():
            some = keys[among(hashed([keys[name] for name in self._hashed]), group)]
            rows = pd.concat([rows, some]) if len(rows) else some
            if (
                rows.size > 2 * CELLS
            ):  # many rows of few keys: only those that may still win are kept
                found.append(self._replaced(rows))
                rows = rows.drop(found[-1])
        return np.concatenate([*found, self._replaced(rows)]).astype("int64")

    def _replaced(self, rows: pd.DataFrame) -> pd.Index:
        ordered = in_order_of_winning(rows, self._wins)
        return ordered.index[ordered.duplicated(self._columns, keep="last")]

    def _batches(self) -> Iterator[pd.DataFrame]:
        """The keys in the order of the rows; without a key the whole rows."""
        first = 0
        for path in self._files:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(columns=self._read, use_threads=False):
                    keys = batch.to_pandas(types_mapper=TYPES.get).reindex(columns=self._read)
                    keys.index = pd.RangeIndex(first, first + len(keys))
                    first += len(keys)
                    if not self._is_whole_row:  # an incomplete key identifies nothing
                        keys = keys[keys[self._columns].notna().all(axis=1)]
                    yield keys


def _without(folder: Path, part: Part, repeated: np.ndarray) -> Part:
    """The part without those rows, in a file that is named after them; a file beside it has those rows."""
    original = folder / part.file
    stem = f"{original.stem}-{hashlib.sha256(repeated.tobytes()).hexdigest()[:16]}"
    _write(original.with_name(f"{stem}-replaced.parquet"), original, repeated)
    sha256 = _write(original.with_name(f"{stem}.parquet"), original, ~repeated)
    file_name = (Path(part.file).parent / f"{stem}.parquet").as_posix()
    rows = part.rows - int(repeated.sum())
    return part.model_copy(update={"file": file_name, "rows": rows, "sha256": sha256})


def _write(path: Path, original: Path, chosen: np.ndarray) -> str:
    """Write these rows of a file, complete or not at all; returns the digest of the new file."""
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with (
            os.fdopen(handle, "wb") as file,
            pq.ParquetFile(original) as rows,
            pq.ParquetWriter(file, rows.schema_arrow, compression="zstd") as writer,
        ):
            first = 0
            for group in range(rows.num_row_groups):
                table = rows.read_row_group(group, use_threads=False)
                some = chosen[first : first + len(table)]
                first += len(table)
                if some.any():
                    writer.write_table(table.filter(pa.array(some)))
        with Path(unfinished).open("rb") as written:
            sha256 = hashlib.file_digest(written, "sha256").hexdigest()
        Path(unfinished).replace(path)
    finally:
        Path(unfinished).unlink(missing_ok=True)
    return sha256
