"""The benchmark's tools are loaded without what they stand on, and leave nothing behind."""

import sys

import pytest

from agents.support.evaluation.tau2 import Action, is_installed, retail_data, retail_tools

pytestmark = pytest.mark.skipif(not is_installed(), reason="inspect-evals is not installed")


def test_no_stand_in_stays_among_the_modules() -> None:
    with retail_tools(retail_data()) as tools:
        assert len(tools.db.orders) == 1_000
        with pytest.raises(ValueError, match="Order not found"):
            tools.cancel_pending_order("none", "no longer needed")
    assert "inspect_ai" not in sys.modules
    assert "inspect_evals.tau2" not in sys.modules


def test_what_changes_an_account_is_known_by_name() -> None:
    assert Action("cancel_pending_order", {}).changes
    assert not Action("get_order_details", {}).changes
