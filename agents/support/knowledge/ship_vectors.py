"""Compute the vectors of our examples and documents, and put them beside the code that reads them.

Run as `python -m agents.support.knowledge.ship_vectors` after changing either.
"""

from typing import get_args

from agents.support.knowledge.index import text_of
from agents.support.knowledge.retrieve import readable
from agents.support.models import Language
from agents.support.understanding.embedding import Role, Vector, vectors
from agents.support.understanding.examples import training
from agents.support.understanding.vectors import SHIPPED, name_of, write

STAFF = "staff"


def ship() -> None:
    """Compute the vectors and write them."""
    known: dict[str, Vector] = {}
    roles: dict[Role, list[str]] = {
        "query": [text for text, _ in training()],
        "passage": [text_of(p) for told in get_args(Language) for p in readable(told, STAFF)],
    }
    for role, texts in roles.items():
        fresh = vectors(texts, role)
        known |= {name_of(t, role): v for t, v in zip(texts, fresh, strict=True)}
    write(SHIPPED, known)


if __name__ == "__main__":
    ship()
