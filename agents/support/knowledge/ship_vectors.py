"""Compute the vectors of the examples and documents, and write them beside the code that reads them.

Run `python -m agents.support.knowledge.ship_vectors` after you change an example or a document. Vectors that the
file has are kept; delete the file first after a change of the model.
"""

from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import get_args

import numpy as np

from agents.support.knowledge.index import text_of
from agents.support.knowledge.retrieve import readable, unanswered
from agents.support.models import Language
from agents.support.understanding.embedding import Role, Vector
from agents.support.understanding.examples import training
from agents.support.understanding.roles import examples
from agents.support.understanding.slots import to_classify
from agents.support.understanding.vectors import LARGEST, SHIPPED, known_vectors, name_of
from agents.support.understanding.wondering import wondering

STAFF = "staff"


def ship() -> None:
    """Compute the vectors that are missing, and write those that are needed."""
    known: dict[str, Vector] = {}
    roles: dict[Role, list[str]] = {
        "query": [
            *(text for text, _ in training()),
            *(text for text, _ in examples()),
            *(text for some in wondering().values() for text in some),
            *_asked(),
        ],
        "passage": [text_of(p) for spoken in get_args(Language) for p in readable(spoken, STAFF)],
    }
    for role, texts in roles.items():
        fresh = known_vectors(texts, role)
        known |= {name_of(t, role): v for t, v in zip(texts, fresh, strict=True)}
    write(SHIPPED, known)


def _asked() -> list[str]:
    passages = [p for spoken in get_args(Language) for p in readable(spoken, STAFF)]
    known = [question for p in passages for question in (p.section, *p.asked)]
    others = [question for spoken in get_args(Language) for question in unanswered(spoken)]
    return list(dict.fromkeys(map(to_classify, (*known, *others))))


def write(path: Path, known: dict[str, Vector]) -> None:
    """Replace the file in one step, so that a reader finds the old or the new one."""
    names = sorted(known)
    rows = np.stack([known[name] for name in names])
    scales = np.abs(rows).max(axis=1, keepdims=True) / LARGEST
    with NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as fresh:
        np.savez(
            fresh, names=np.array(names), rows=np.rint(rows / scales).astype(np.int8), scales=scales
        )
    Path(fresh.name).chmod(0o644)  # a temporary file is its owner's alone
    Path(fresh.name).replace(path)


if __name__ == "__main__":
    ship()
