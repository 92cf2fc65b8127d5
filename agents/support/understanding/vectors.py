"""Vectors of texts that do not change: those of the examples come along, others are kept on disk.

Run as `python -m agents.support.understanding.vectors` after changing the examples.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agents.runtime.settings import settings
from agents.support.understanding.embedding import Role, Vector, vectors

SHIPPED = Path(__file__).parent / "vectors.npz"


def kept_vectors(texts: Sequence[str], role: Role = "query") -> Vector:
    """One row a text; what is not known yet is computed once and kept in the data folder."""
    own = settings().data / "vectors.npz"
    known = _read(SHIPPED) | _read(own)
    missing = [text for text in dict.fromkeys(texts) if _name(text, role) not in known]
    if missing:
        fresh = dict(zip((_name(t, role) for t in missing), vectors(missing, role), strict=True))
        known |= fresh
        _write(own, _read(own) | fresh)
    return np.stack([known[_name(text, role)] for text in texts]).astype(np.float32)


def _name(text: str, role: Role) -> str:
    return hashlib.sha256(f"{role}:{text}".encode()).hexdigest()[:16]


def _read(path: Path) -> dict[str, Vector]:
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as stored:
        return dict(zip(stored["names"].tolist(), stored["rows"].astype(np.float32), strict=True))


def _write(path: Path, known: dict[str, Vector]) -> None:
    """Whole or not at all, so that two processes that write leave one of both."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{hashlib.sha256(repr(sorted(known)).encode()).hexdigest()[:8]}.npz")
    np.savez(
        fresh,
        names=np.array(sorted(known)),
        rows=np.stack([known[n] for n in sorted(known)]).astype(np.float16),
    )
    fresh.replace(path)


def ship() -> None:
    """Compute the vectors of the examples and put them beside this file."""
    from agents.support.understanding.examples import training  # noqa: PLC0415 - they read these

    texts = [text for text, _ in training()]
    _write(SHIPPED, {_name(t, "query"): v for t, v in zip(texts, vectors(texts), strict=True)})


if __name__ == "__main__":
    ship()
