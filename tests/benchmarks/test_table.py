"""The page of results: the measured part is replaced, and the rest stays."""

import pytest

from tests.benchmarks.__main__ import BEGINS, ENDS, RESULTS, flat, table, written


def test_figures_are_named_by_what_leads_to_them() -> None:
    nested = {"idle_order": {"ours": {"p50_ms": 9.4}}, "cores": 2}
    assert list(flat(nested)) == [("idle order, ours, p50 ms", 9.4), ("cores", 2)]


def test_only_the_measured_part_is_replaced() -> None:
    page = f"before\n{BEGINS}old\n{ENDS}after\n"
    text = table({"cores": 2}, "today")
    assert written(page, text) == f"before\n{BEGINS}{text}{ENDS}after\n"
    assert "| cores | 2 |" in text


def test_a_page_without_a_measured_part_is_refused() -> None:
    with pytest.raises(ValueError, match="no measured part"):
        written("words", "figures")


def test_the_page_has_a_measured_part() -> None:
    assert written(RESULTS.read_text(encoding="utf-8"), "new").count("new") >= 1
