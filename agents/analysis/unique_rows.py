"""Each key once over all partitions of a source: of two rows, the one in the later partition is published.

Partitions are ordered by name, as in the dataset. Without a key in the contract, rows are compared as a whole.
A row whose key is incomplete identifies nothing, so no other row replaces it. Within a partition, cleaning
keeps the first row.

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
    """The parts of one source without the rows whose key a later part has too.

    `folder` has the files of the parts; a part that loses rows gets a new file beside its own.
    """
    if len(parts) < 2:
        return list(parts)
    keys = _Keys(folder, contract, parts)
    repeated = [np.zeros(part.rows, dtype=bool) for part in parts]
    for group in range(keys.groups):
        if not (some := list(keys.group(group))):
            continue
        rows = pd.concat(some, ignore_index=True)
        earlier = rows[rows.duplicated(keys.columns, keep="last")]
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
        self.groups = math.ceil(sum(part.rows for part in parts) * len(self.columns) / CELLS)

    def group(self, group: int) -> Iterator[pd.DataFrame]:
        """The keys of one group in the order of the rows, each with the numbers of its part and row."""
        for number, path in enumerate(self._files):
            first = 0
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(columns=self.columns):
                    keys = batch.to_pandas(types_mapper=TYPES.get).reindex(columns=self.columns)
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
    """The part without those rows, in a file that is named after them."""
    original = folder / part.file
    table = pq.read_table(original).filter(pa.array(~repeated))
    name = f"{original.stem}-{hashlib.sha256(repeated.tobytes()).hexdigest()[:16]}.parquet"
    handle, unfinished = tempfile.mkstemp(dir=original.parent, prefix=f".{name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            pq.write_table(table, file, compression="zstd")
        sha256 = hashlib.sha256(Path(unfinished).read_bytes()).hexdigest()
        Path(unfinished).replace(original.with_name(name))
    finally:
        Path(unfinished).unlink(missing_ok=True)
    file_name = (Path(part.file).parent / name).as_posix()
    return part.model_copy(update={"file": file_name, "rows": len(table), "sha256": sha256})
