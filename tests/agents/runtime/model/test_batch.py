"""Prefect does not look inside a batch, and a batch is empty when its items are taken."""

import pytest
from prefect.utilities.collections import visit_collection

from agents.runtime.model.batch import Batch, BatchContext, RunStats
from agents.runtime.model.item import Effect, Item
from agents.runtime.model.lifecycle import State
from agents.runtime.model.scenario import NotCorrectable
from tests.agents.runtime.jobs import JOBS, Made


def item(number: int) -> Item:
    return Item(number, "t", "jobs", f"k{number}", 1, State.PROCESSING, "0" * 32, None)


def batch_of(count: int) -> Batch:
    return Batch(BatchContext(JOBS, RunStats()), [item(n) for n in range(count)])


def test_a_taken_batch_is_empty_and_still_shows_how_many_items_it_held() -> None:
    batch = batch_of(3)
    taken = batch.take()
    assert len(taken) == 3
    assert batch.take() == []
    assert batch.peek() == ()
    assert repr(batch) == "3 items"


def test_a_batch_has_neither_iteration_nor_length() -> None:
    assert not hasattr(Batch, "__iter__")
    assert not hasattr(Batch, "__len__")
    assert not hasattr(Batch, "__getitem__")
    assert not hasattr(batch_of(1), "__dict__")


def test_prefect_does_not_look_inside() -> None:
    seen: list[object] = []
    batch = batch_of(3)
    found = visit_collection({"batch": [batch]}, seen.append, return_data=False)
    assert found is None
    assert batch in seen
    assert not [thing for thing in seen if isinstance(thing, Item | BatchContext)]


def test_calls_are_counted_for_each_agent() -> None:
    context = BatchContext(JOBS, RunStats())
    assert [context.call("a"), context.call("a"), context.call("b")] == [0, 1, 0]


def test_a_finished_context_holds_no_items() -> None:
    batch = batch_of(2)
    context = batch.context
    context.ended.append(item(9))
    context.compensating.append(item(8))
    context.finish()
    assert (context.ended, context.compensating, context.latest) == ([], [], None)
    assert batch.peek() == ()
    context.finish()


def test_facts_are_found_by_their_type() -> None:
    one = item(1)
    one.learn(Made(by="a"))
    one.learn(Made(by="b"))
    one.learn(None)
    assert one.fact(Made) == Made(by="b")
    assert one.fact(Effect) is None


@pytest.mark.parametrize("name", ["surprise", "stage"])
def test_an_item_has_no_other_attributes(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(item(1), name, 1)


def test_items_of_a_scenario_without_validation_cannot_be_corrected() -> None:
    with pytest.raises(NotCorrectable, match="items of jobs"):
        JOBS.checked("job-1", {})
