"""Items that need others wait for them, go on when these complete, and are cancelled if one fails."""

import asyncio
from random import Random

import orjson
import pytest

from agents.runtime.context import Runtime
from agents.runtime.errors import Conflict, PermanentError
from agents.runtime.execution.decorator import agent
from agents.runtime.intake.intake import batches_of
from agents.runtime.journal import operator_actions
from agents.runtime.journal.completion import end
from agents.runtime.journal.dependencies import UnknownNeeds, needed_by
from agents.runtime.journal.queries import waiting
from agents.runtime.journal.queue import Queue, claim_first, count_waiting
from agents.runtime.journal.scheduling_schema import dependencies
from agents.runtime.journal.schema import items
from agents.runtime.journal.submit import load
from agents.runtime.model.batch import RunStats
from agents.runtime.model.lifecycle import Event
from agents.runtime.model.policies import PURE
from tests.agents.runtime.jobs import AnyAgent, Job, Made, rows, states
from tests.agents.runtime.journal.linked import (
    LINKED,
    link,
    needing,
    out_of_order,
    random_graph,
    work,
)
from tests.agents.runtime.journal.operators import action

DIAMOND: dict[str, list[str]] = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}


class Hopeless(PermanentError):
    """The job can never succeed."""


def doing(
    fail: set[str] = frozenset(),  # type: ignore[assignment]  # never changed
    die: set[str] = frozenset(),  # type: ignore[assignment]  # the same
) -> AnyAgent:
    """An agent that fails for good for some jobs, and makes dead letters of others."""

    @agent(PURE)
    def do(job: Job) -> Made:
        if job.key in fail:
            raise Hopeless
        if job.key in die:
            raise ValueError("a bug")
        return Made(by="do")

    return do


async def failures() -> dict[str, str]:
    return {row.key: orjson.loads(row.failure)["error"] for row in await rows(items) if row.failure}


async def test_what_needs_others_waits_and_asks_nobody(opened: Runtime) -> None:
    await link(DIAMOND)
    assert await states() == {"a": "pending", "b": "waiting", "c": "waiting", "d": "waiting"}
    assert await count_waiting(opened.journal.database, "jobs", 10) == 1
    assert await waiting(opened.journal, "jobs") == []
    (d,) = [row.id for row in await rows(items) if row.key == "d"]
    needs = (await needed_by(opened.journal.database, [d]))[d]
    assert [(row.key, row.state) for row in needs] == [("b", "waiting"), ("c", "waiting")]


@pytest.mark.parametrize("size", [1, 256])
async def test_all_end_in_order(opened: Runtime, size: int) -> None:
    graph = random_graph(Random(size), 40)
    await link(graph)
    await work(doing(), size=size)
    assert set((await states()).values()) == {"completed"}
    assert await out_of_order(graph) == []
    assert await rows(dependencies) == []


async def test_the_same_graph_again_changes_nothing(opened: Runtime) -> None:
    await link(DIAMOND)
    await work(doing(), size=1)
    before = await rows(items)
    answers = await link(DIAMOND)
    assert [answer.is_new for answer in answers] == [False] * 4
    assert await rows(items) == before


async def test_another_body_is_a_conflict_and_nothing_is_accepted(opened: Runtime) -> None:
    await link({"b": []})
    with pytest.raises(Conflict, match="'b'"):
        await link({"a": [], "b": []}, text="changed")
    assert await states() == {"b": "pending"}


async def test_an_unknown_need_is_refused_and_nothing_is_accepted(opened: Runtime) -> None:
    with pytest.raises(UnknownNeeds, match="b needs x, which is neither"):
        await link({"a": [], "b": ["x"]})
    assert await states() == {}


async def test_new_items_may_need_completed_and_unfinished_ones(opened: Runtime) -> None:
    await link({"a": []})
    await work(doing())
    await link({"b": []})
    await link({"c": ["a"], "d": ["a", "b"], "e": ["d"]})
    assert await states() == {
        "a": "completed",
        "b": "pending",
        "c": "pending",
        "d": "waiting",
        "e": "waiting",
    }
    await work(doing())
    assert set((await states()).values()) == {"completed"}


async def test_what_needs_a_failed_item_is_cancelled_in_the_same_commit(opened: Runtime) -> None:
    graph = random_graph(Random(7), 30)
    await link(graph)
    lost = needing(graph, ["job-003"])
    stats = await work(doing(fail={"job-003"}), size=4)
    found = await states()
    assert len(lost) > 3
    assert found["job-003"] == "failed"
    assert {key for key, state in found.items() if state == "cancelled"} == lost
    assert set(found.values()) == {"completed", "failed", "cancelled"}
    assert {text for key, text in (await failures()).items() if key in lost} == {
        "needs job-003, which failed"
    }
    assert stats.outcomes["job completed"] == 30 - 1 - len(lost)
    assert await out_of_order(graph) == []


async def test_new_items_that_need_a_failed_one_are_cancelled_at_once(opened: Runtime) -> None:
    await link({"a": []})
    await work(doing(fail={"a"}))
    await link({"b": ["a"], "c": ["b"], "d": []})
    assert await states() == {"a": "failed", "b": "cancelled", "c": "cancelled", "d": "pending"}


async def test_a_dead_letter_keeps_others_waiting_until_it_is_replayed(opened: Runtime) -> None:
    await link(DIAMOND)
    await work(doing(die={"b"}))
    assert await states() == {
        "a": "completed",
        "b": "dead_lettered",
        "c": "completed",
        "d": "waiting",
    }
    await operator_actions.replay(opened.journal, action("b"))
    await work(doing())
    assert set((await states()).values()) == {"completed"}


async def test_a_discarded_dead_letter_cancels_what_needs_it(opened: Runtime) -> None:
    await link(DIAMOND)
    await work(doing(die={"b"}))
    await operator_actions.discard(opened.journal, action("b"))
    assert (await states())["d"] == "cancelled"
    assert (await failures())["d"] == "needs b, which failed"


async def test_a_cancelled_item_cancels_what_needs_it(opened: Runtime) -> None:
    await link(DIAMOND)
    await operator_actions.cancel(opened.journal, action("b"))
    await work(doing())
    assert await states() == {
        "a": "completed",
        "b": "cancelled",
        "c": "completed",
        "d": "cancelled",
    }
    assert (await failures())["d"] == "needs b, which was cancelled"


async def test_of_two_needs_that_end_at_once_the_later_releases(opened: Runtime) -> None:
    """Without a lock, each of two transactions would see the item open that the other ends."""
    pairs = {f"d{n}": [f"b{n}", f"c{n}"] for n in range(20)}
    alone: dict[str, list[str]] = {key: [] for pair in pairs.values() for key in pair}
    await link(alone | pairs)
    database, owner = opened.journal.database, opened.lease.id
    claimed = await load(database, await claim_first(database, owner, Queue("jobs")))
    async for batch in batches_of(LINKED, RunStats(), claimed, 256):
        ends = [
            end(database, owner, [item], Event.COMPLETE, {item.id: ()}, needed=True)
            for item in batch.take()
        ]
        await asyncio.gather(*ends)
    assert {(await states())[key] for key in pairs} == {"pending"}
