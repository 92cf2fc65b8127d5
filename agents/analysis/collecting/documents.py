"""Documents in the store, each under its SHA-256, written whole or not at all, a piece at a time."""

import hashlib
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agents.services.files.outcomes import SourceError

PIECE = 1 << 20
MOST_BYTES = 2 << 30


@dataclass(frozen=True, slots=True)
class Document:
    """A document of the store: its digest, its size in bytes, and suffixes that name its format."""

    sha256: str
    size: int
    form: str


def keep(store: Path, pieces: Iterable[bytes], form: str) -> Document:
    """Put the pieces into the store as one document. Raises SourceError beyond MOST_BYTES."""
    store.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=store, prefix=".copying-", delete=False) as file:
        place = Path(file.name)
        try:
            for piece in pieces:
                size += len(piece)
                _require_small(size)
                digest.update(piece)
                file.write(piece)
            file.flush()
            place.replace(store / digest.hexdigest())
        except BaseException:
            place.unlink(missing_ok=True)
            raise
    return Document(digest.hexdigest(), size, form)


def _require_small(size: int) -> None:
    if size > MOST_BYTES:
        raise SourceError("too-large", f"more than {MOST_BYTES:,} bytes")
