"""Vectors of texts that do not change: those of examples and documents come along, others are kept on disk.

Run as `python -m agents.support.understanding.vectors` after changing either.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import get_args

import numpy as np

from agents.runtime.settings import settings
from agents.support.models import Language
from agents.support.understanding.embedding import Role, Vector, vectors

STAFF = "staff"
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
    """Whole or not at all, so that of two processes that write at once one of both is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = sorted(known)
    rows = np.stack([known[name] for name in names]).astype(np.float16)
    with NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as fresh:
        np.savez(fresh, names=np.array(names), rows=rows)
    Path(fresh.name).replace(path)


def ship() -> None:
    """Compute the vectors of the examples and of our documents, and put them beside this file."""
    from agents.support.knowledge.index import text_of  # noqa: PLC0415 - they read these
    from agents.support.knowledge.retrieve import readable  # noqa: PLC0415
    from agents.support.understanding.examples import training  # noqa: PLC0415

    known: dict[str, Vector] = {}
    roles: dict[Role, list[str]] = {
        "query": [text for text, _ in training()],
        "passage": [text_of(p) for told in get_args(Language) for p in readable(told, STAFF)],
    }
    for role, texts in roles.items():
        fresh = vectors(texts, role)
        known |= {_name(t, role): v for t, v in zip(texts, fresh, strict=True)}
    _write(SHIPPED, known)


if __name__ == "__main__":
    ship()
