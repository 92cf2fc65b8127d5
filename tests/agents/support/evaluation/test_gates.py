"""A figure that is too low, too high or no better than what is simple stops a release."""

from agents.support.evaluation.gates import broken


def test_each_kind_of_gate_can_be_broken() -> None:
    sentences = list(
        broken({"macro_f1_en": 0.5, "calibration_error": 0.4, "mrr": 0.3, "mrr_words": 0.3, "x": 9})
    )
    assert [words.split(" is ")[0] for words in sentences] == [
        "macro_f1_en", "calibration_error", "mrr",
    ]  # fmt: skip
    assert list(broken({"macro_f1_en": 0.95, "mrr": 0.4, "mrr_words": 0.3})) == []
