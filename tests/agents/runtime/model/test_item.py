"""The execution of one step on one item."""

from agents.runtime.model.item import Item, StepExecution
from agents.runtime.model.lifecycle import State


def test_an_execution_has_the_id_and_the_fence_of_its_item() -> None:
    item = Item(7, "t", "jobs", "k", 3, State.PROCESSING, "0" * 32, None)
    execution = StepExecution(item, "see", "1", 0, "")
    assert (execution.id, execution.fence, execution.attempts) == (7, 3, 0)
    assert (execution.unknown, execution.outcome) == (False, None)
