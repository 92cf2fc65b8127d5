"""Vectors of texts that do not change: those of examples and documents come along, others are kept on disk."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np

from agents.runtime.settings import settings
from agents.support.understanding.embedding import Role, Vector, vectors

SHIPPED = Path(__file__).parent / "vectors.npz"


def kept_vectors(texts: Sequence[str], role: Role = "query") -> Vector:
    """One row a text; what is not known yet is computed once and kept in the data folder."""
    own = settings().data / "vectors.npz"
    known = _read(SHIPPED) | _read(own)
    missing = [text for text in dict.fromkeys(texts) if name_of(text, role) not in known]
    if missing:
        fresh = dict(zip((name_of(t, role) for t in missing), vectors(missing, role), strict=True))
        known |= fresh
        write(own, _read(own) | fresh)
    return np.stack([known[name_of(text, role)] for text in texts]).astype(np.float32)


def name_of(text: str, role: Role) -> str:
    """The name under which the vector of a text is kept."""
    return hashlib.sha256(f"{role}:{text}".encode()).hexdigest()[:16]


def _read(path: Path) -> dict[str, Vector]:
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as stored:
        return dict(zip(stored["names"].tolist(), stored["rows"].astype(np.float32), strict=True))


def write(path: Path, known: dict[str, Vector]) -> None:
    """Whole or not at all, so that of two processes that write at once one of both is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = sorted(known)
    rows = np.stack([known[name] for name in names]).astype(np.float16)
    with NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as fresh:
        np.savez(fresh, names=np.array(names), rows=rows)
    Path(fresh.name).replace(path)
