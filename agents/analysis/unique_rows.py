"""Each key once over all partitions of a source: of two rows, the one that wins by the contract is published.

Without `wins` in the contract, that is the row in the later partition, by name, as in the dataset. Without a
key, rows are compared as a whole. A row whose key is incomplete identifies nothing, so no other row replaces
it. Within a partition, cleaning has chosen already.

The memory is bounded: keys are compared in groups by their hash, each group of about CELLS cells, so that a
larger source is read more often. Beyond that, each row takes one byte, and one partition at a time is rewritten.
"""

import hashlib
import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from agents.analysis.cleaning.keys import in_order_of_winning
from agents.analysis.contract import Contract
from agents.analysis.models import Part

CELLS = 8_000_000
PART, ROW = "\0part", "\0row"  # which no column of a source is named
TYPES = {  # as themselves, also beside missing values: as floats, long keys would be equal to others
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype("pyarrow"),
}


def unique_parts(folder: Path, contract: Contract, parts: Sequence[Part]) -> list[Part]:
    """The parts of one source without the rows whose key a row that wins has too.

    `folder` has the files of the parts; a part that loses rows gets a new file beside its own, and one with the
    rows that it has lost.
    """
    if len(parts) < 2:
        return list(parts)
    keys = _Keys(folder, contract, parts)
    repeated = [np.zeros(part.rows, dtype=bool) for part in parts]
    for group in range(keys.groups):
        if not (some := list(keys.group(group))):
            continue
        rows = pd.concat(some, ignore_index=True)
        ordered = in_order_of_winning(rows, contract.wins)
        earlier = ordered[ordered.duplicated(keys.columns, keep="last")]
        for number, flags in enumerate(repeated):
            flags[earlier.loc[earlier[PART] == number, ROW].to_numpy()] = True
    return [
        _without(folder, part, rows) if rows.any() else part
        for part, rows in zip(parts, repeated, strict=True)
    ]


class _Keys:
    """The keys of all parts, in groups of equal size; equal keys are in one group."""

    def __init__(self, folder: Path, contract: Contract, parts: Sequence[Part]) -> None:
        self._files = [folder / part.file for part in parts]
        self._is_whole_row = not contract.key
        self._hashed = list(contract.key or contract.columns)
        names = [name for file in self._files for name in pq.read_schema(file).names]
        self.columns = list(contract.key or dict.fromkeys(names))
        deciding = contract.wins.partition(" ")[2]
        self._read = list(dict.fromkeys([*self.columns, *([deciding] if deciding else [])]))
        self.groups = math.ceil(sum(part.rows for part in parts) * len(self.columns) / CELLS)

    def group(self, group: int) -> Iterator[pd.DataFrame]:
        """The keys of one group in the order of the rows, each with the numbers of its part and row."""
        for number, path in enumerate(self._files):
            first = 0
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(columns=self._read):
                    keys = batch.to_pandas(types_mapper=TYPES.get).reindex(columns=self._read)
                    keys[PART], keys[ROW] = number, range(first, first + len(keys))
                    first += len(keys)
                    if len(found := keys[self._in_group(keys, group)]):
                        yield found

    def _in_group(self, keys: pd.DataFrame, group: int) -> pd.Series:
        is_complete = keys[self.columns].notna().all(axis=1) | self._is_whole_row
        if self.groups == 1:
            return is_complete
        hashes = pd.util.hash_pandas_object(keys[self._hashed], index=False)
        return is_complete & (hashes % self.groups == group)


def _without(folder: Path, part: Part, repeated: np.ndarray) -> Part:
    """The part without those rows, in a file that is named after them; a file beside it has those rows."""
    original = folder / part.file
    stem = f"{original.stem}-{hashlib.sha256(repeated.tobytes()).hexdigest()[:16]}"
    whole = pq.read_table(original)
    _write(original.with_name(f"{stem}-replaced.parquet"), whole.filter(pa.array(repeated)))
    kept = whole.filter(pa.array(~repeated))
    sha256 = _write(original.with_name(f"{stem}.parquet"), kept)
    file_name = (Path(part.file).parent / f"{stem}.parquet").as_posix()
    return part.model_copy(update={"file": file_name, "rows": len(kept), "sha256": sha256})


def _write(path: Path, table: pa.Table) -> str:
    """Write the table, complete or not at all; returns the digest of the file."""
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            pq.write_table(table, file, compression="zstd")
        sha256 = hashlib.sha256(Path(unfinished).read_bytes()).hexdigest()
        Path(unfinished).replace(path)
    finally:
        Path(unfinished).unlink(missing_ok=True)
    return sha256
