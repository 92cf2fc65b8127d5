"""Understand: the intents of a turn, and what it names."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from agents.runtime import PURE, agent
from agents.runtime.model.policies import CORES
from agents.support import upcasts
from agents.support.models import Turn, Understood
from agents.support.understanding.classify import embedded_texts, understand
from agents.support.understanding.embedding import Vector, is_available
from agents.support.understanding.vectors import shared_vectors

UNDERSTAND = replace(PURE, name="understand", concurrency=CORES)  # a vector is computed in a thread


@agent(
    UNDERSTAND,
    version="1.4",  # all that a text and its wishes can mean
    upcasts={"1.1": upcasts.understood, "1.2": upcasts.understood_wishes},
)
async def understand_turn(turn: Turn) -> Understood:
    """Compare the turn with the shipped examples; no other system is asked."""
    texts = embedded_texts(turn.text) if is_available() else []
    rows = dict(zip(texts, await shared_vectors(texts), strict=True)) if texts else {}

    def embed(some: Sequence[str]) -> Vector:
        return np.stack([rows[text] for text in some])

    return understand(turn.text, embed)
