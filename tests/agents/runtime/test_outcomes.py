"""How one agent's work on an item turned out, and where it is kept."""

from agents.runtime.batch import Item
from agents.runtime.lifecycle import State
from agents.runtime.outcomes import Unit


def test_a_unit_has_the_id_and_the_fence_its_item_was_claimed_with() -> None:
    item = Item(7, "t", "jobs", "k", 3, State.PROCESSING, "0" * 32, None)
    unit = Unit(item, "see", "1", 0, "")
    assert (unit.id, unit.fence, unit.attempts, unit.unknown, unit.outcome) == (
        7,
        3,
        0,
        False,
        None,
    )
