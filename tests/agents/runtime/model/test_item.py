"""How one agent's work on an item turned out, and where it is kept."""

from agents.runtime.model.item import Item, StepExecution
from agents.runtime.model.lifecycle import State


def test_a_unit_has_the_id_and_the_fence_its_item_was_claimed_with() -> None:
    item = Item(7, "t", "jobs", "k", 3, State.PROCESSING, "0" * 32, None)
    execution = StepExecution(item, "see", "1", 0, "")
    assert (
        execution.id,
        execution.fence,
        execution.attempts,
        execution.unknown,
        execution.outcome,
    ) == (
        7,
        3,
        0,
        False,
        None,
    )
