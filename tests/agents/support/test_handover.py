"""A conversation waits for a person, and is given back with what the person says."""

import pytest

from agents.runtime.errors import Parked
from agents.runtime.model.item import Decision, Item
from agents.runtime.model.lifecycle import State
from agents.support.handover import HANDOVERS, TIME_LIMIT, Closed, Handover, await_person

WANTED = Handover(conversation="a", turn="a#000002", user="u", reason="anger", summary="2 turns")


def test_it_waits_until_somebody_decides() -> None:
    with pytest.raises(Parked, match="conversation a: anger"):
        await_person.function(WANTED, None)
    decision = Decision("await_person", True, "Ann", "a new lamp is on its way")
    assert await_person.function(WANTED, decision) == Closed(
        by="Ann", note="a new lamp is on its way"
    )


def test_its_time_is_limited_and_its_end_has_a_word() -> None:
    item = Item(1, "t", "handovers", "a#000002", 1, State.COMPLETED, "trace", None)
    assert HANDOVERS.deadline(WANTED) == TIME_LIMIT
    assert HANDOVERS.outcome(item) == "nobody came"
    item.learn(Closed(by="Ann", note="done"))
    assert HANDOVERS.outcome(item) == "closed"
