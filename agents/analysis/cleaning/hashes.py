"""Hashes of keys: which keys several rows have, without holding all of them in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import pandas as pd

from agents.analysis.cleaning.spool import Spool

HELD = 1_000_000  # pairs in memory; more are on disk, in buckets that are looked at one after the other
BUCKETS = 64
MISSING, PRIME = np.uint64(1), np.uint64(0x100000001B3)
PAIR = np.dtype([("hash", "u8"), ("tag", "u8")])


def hashed(values: Sequence[pd.Series]) -> np.ndarray:
    """A hash of each row: equal rows have equal ones, and seldom others. A missing value is equal to another."""
    found = np.zeros(len(values[0]), dtype="u8")
    for one in values:
        if pd.api.types.is_float_dtype(one.dtype):
            one = one + 0.0  # noqa: PLW2901 - 0.0 in place of -0.0, which is equal to it
        hashes = pd.util.hash_pandas_object(one, index=False).to_numpy("uint64", copy=True)
        hashes[one.isna().to_numpy(dtype=bool)] = MISSING
        found = found * PRIME + hashes
    return found


@dataclass(slots=True)
class Hashes:
    """Hashes, each with a tag: which of them came with different tags."""

    spool: Spool
    _held: list[np.ndarray] = field(default_factory=list)
    _count: int = 0
    _files: list[BinaryIO] = field(default_factory=list)

    def add(self, hashes: np.ndarray, tags: np.ndarray) -> None:
        """See the rows of a chunk."""
        pairs = np.empty(len(hashes), PAIR)
        pairs["hash"], pairs["tag"] = hashes, tags
        self._held.append(pairs)
        self._count += len(pairs)
        if self._count > HELD:
            self._spill()

    def repeated(self) -> np.ndarray:
        """The hashes that came with more than one tag, in ascending order."""
        if not self._files:
            return _with_several_tags(self._held)
        self._spill()
        return np.sort(np.concatenate([_with_several_tags([_read(one)]) for one in self._files]))

    def _spill(self) -> None:
        pairs = np.concatenate([*self._held, np.empty(0, PAIR)])
        self._held, self._count = [], 0
        self._files = self._files or [self.spool.scratch() for _ in range(BUCKETS)]
        bucket = pairs["hash"] % BUCKETS
        pairs = pairs[np.argsort(bucket, kind="stable")]
        ends = np.cumsum(np.bincount(bucket.astype("int64"), minlength=BUCKETS))
        for file, some in zip(self._files, np.split(pairs, ends[:-1]), strict=True):
            file.write(some.tobytes())


def among(hashes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which of the hashes are among the known ones, which are in ascending order."""
    if not len(known):
        return np.zeros(len(hashes), dtype=bool)
    places = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    found: np.ndarray = known[places] == hashes
    return found


def _read(file: BinaryIO) -> np.ndarray:
    file.seek(0)
    return np.frombuffer(file.read(), PAIR)


def _with_several_tags(arrays: Sequence[np.ndarray]) -> np.ndarray:
    pairs = np.concatenate([*arrays, np.empty(0, PAIR)])
    pairs = pairs[np.lexsort((pairs["tag"], pairs["hash"]))]
    same = pairs["hash"][1:] == pairs["hash"][:-1]
    return np.unique(pairs["hash"][1:][same & (pairs["tag"][1:] != pairs["tag"][:-1])])
