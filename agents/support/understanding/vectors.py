"""Vectors of texts: those of examples and documents are shipped, others come from the shared cache.

A vector takes some 30 ms to compute. All processes that use one Redis compute the vector of a text once;
without Redis each process keeps its own copies.
"""

import asyncio
import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from agents.runtime.context import shared_cache
from agents.runtime.metrics import CACHE
from agents.runtime.model.upcasting import Unreadable
from agents.runtime.redis.shared_cache import Wanted
from agents.support.understanding.embedding import MODEL, SIZE, Role, Vector, vector, vectors

SHIPPED = Path(__file__).parent / "vectors.npz"
CACHED_SECONDS = 30 * 86_400.0
PATIENCE = 5.0  # seconds for another process that computes the same vector
STORED = np.dtype("<f2")
LARGEST = 127  # of the bytes that shipped vectors are stored in


def known_vectors(texts: Sequence[str], role: Role = "query") -> Vector:
    """One row for each text: the shipped vector, or one that is computed here and now."""
    rows = [_shipped().get(name_of(text, role)) for text in texts]
    fresh = iter(vectors([t for t, row in zip(texts, rows, strict=True) if row is None], role))
    return np.stack([next(fresh) if row is None else row for row in rows])


async def shared_vectors(texts: Sequence[str], role: Role = "query") -> Vector:
    """One row for each text: the shipped vector, or a copy that any process has computed."""
    return np.stack([await _shared(text, role) for text in texts])


def name_of(text: str, role: Role) -> str:
    """The name under which the vector of a text is stored."""
    return hashlib.sha256(f"{role}:{text}".encode()).hexdigest()[:16]


async def _shared(text: str, role: Role) -> Vector:
    name = name_of(text, role)
    if (shipped := _shipped().get(name)) is not None:
        return shipped

    async def compute() -> str:
        return _packed(await asyncio.to_thread(vector, text, role))

    key = f"vector/{MODEL}/{_model_version()}/{name}"
    wanted = Wanted(key, compute, _unpacked, CACHED_SECONDS, PATIENCE)
    found, source = await shared_cache().get(wanted)
    CACHE.labels("vector", _model_version(), source).inc()
    return _unpacked(found)


def _packed(row: Vector) -> str:
    return base64.b64encode(row.astype(STORED).tobytes()).decode()


def _unpacked(text: str) -> Vector:
    """The vector of a copy. Raises Unreadable for any other text."""
    try:
        row = np.frombuffer(base64.b64decode(text, validate=True), STORED).astype(np.float32)
    except ValueError as error:
        raise Unreadable(MODEL, MODEL, "a cached copy is no vector") from error
    if row.shape != (SIZE,) or not np.isfinite(row).all():
        raise Unreadable(MODEL, MODEL, f"a cached copy is no vector of {SIZE} numbers")
    return row


@cache
def _model_version() -> str:
    return version(MODEL)


@cache
def _shipped() -> Mapping[str, Vector]:
    if not SHIPPED.is_file():
        return {}
    with np.load(SHIPPED, allow_pickle=False) as stored:
        rows = stored["rows"] * stored["scales"]  # bytes: the model itself has four bits a weight
        return dict(zip(stored["names"].tolist(), rows.astype(np.float32), strict=True))
