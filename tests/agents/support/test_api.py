"""Callers of the first version of the API read hand-overs in the form that they know."""

from typing import Any

from agents.runtime.model.api_versions import chain_after
from agents.support.api import CHANGES


def test_a_task_that_is_new_is_told_as_the_one_most_like_it() -> None:
    first = chain_after("2026-11-22", CHANGES)
    new: dict[str, Any] = {"user": "c1", "task": {"name": "order_contents", "order": "A1"}}
    assert first.downcast(new) == {"user": "c1", "task": {"name": "order_status", "order": "A1"}}
    assert new["task"]["name"] == "order_contents", "the stored body is left as it is"
    for known in ({"task": None}, {"task": {"name": "cancel_order"}}, {}):
        assert first.downcast(known) == known
    assert chain_after("2026-11-29", CHANGES).downcast(new) == new
