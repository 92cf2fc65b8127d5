"""A batch is a leaf for Prefect, and an empty shell once it has handed its items on."""

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


def test_a_spent_batch_is_empty_and_still_says_how_many_it_held() -> None:
    batch = batch_of(3)
    taken = batch.take()
    assert len(taken) == 3
    assert batch.take() == []
    assert batch.peek() == ()
    assert repr(batch) == "3 items"


def test_nobody_can_walk_through_a_batch_or_measure_it() -> None:
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


def test_a_finished_lineage_lets_go_of_every_item() -> None:
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
def test_an_item_takes_no_other_names(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(item(1), name, 1)


def test_what_nobody_writes_by_hand_is_not_corrected_by_hand() -> None:
    with pytest.raises(NotCorrectable, match="items of jobs"):
        JOBS.checked("job-1", {})
