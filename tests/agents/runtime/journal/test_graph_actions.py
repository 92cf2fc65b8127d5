"""People add, skip and cancel items that need each other; whichever commits first wins."""

import asyncio

import orjson
import pytest

from agents.runtime.context import Runtime
from agents.runtime.errors import IllegalTransition
from agents.runtime.journal import graph_actions, queue_admin
from agents.runtime.journal.audit import AuditEntry
from agents.runtime.journal.dependencies import UnknownNeeds
from agents.runtime.journal.gateway_schema import audit
from agents.runtime.journal.operator_actions import OperatorAction
from agents.runtime.journal.queue import Queue, claim_first
from agents.runtime.journal.schema import history, items
from agents.runtime.journal.submit import Sender
from tests.agents.runtime.jobs import crash, rows, states
from tests.agents.runtime.journal.linked import Graph, link, new_job, work
from tests.agents.runtime.journal.operators import action
from tests.agents.runtime.journal.test_dependencies import DIAMOND, doing

CHAIN = {"a": [], "b": ["a"], "c": ["b"], "x": [], "d": ["c", "x"], "e": ["d"]}


async def acts() -> list[tuple[str, str]]:
    return [(row.act, row.object) for row in await rows(audit)]


async def take_first(opened: Runtime) -> None:
    await claim_first(opened.journal.database, opened.lease.id, Queue("jobs"), 1)


async def add(opened: Runtime, graph: Graph) -> None:
    entry = AuditEntry(opened.journal.tenant, "ann", "add", "workflow w", "more")
    sender = Sender(opened.journal.tenant, "jobs", "1")
    new = [new_job(key) for key in graph]
    await graph_actions.add(opened.journal, sender, new, graph, entry)


async def test_what_needs_a_skipped_item_goes_on(opened: Runtime) -> None:
    await link(DIAMOND)
    assert await graph_actions.skip(opened.journal, action("a")) == ["a"]
    assert await states() == {"a": "completed", "b": "pending", "c": "pending", "d": "waiting"}
    await graph_actions.skip(opened.journal, action("d"))
    await work(doing())
    found = {row.key: row.outcome for row in await rows(items)}
    assert found == dict.fromkeys("bc", "job completed") | dict.fromkeys("ad", "skipped")
    detail = next(orjson.loads(r.detail) for r in await rows(history) if r.event == "skip")
    assert detail == {"by": "ann", "reason": "had a look"}
    assert await acts() == [("skip", "item jobs/a"), ("skip", "item jobs/d")]


async def test_a_skipped_branch_ends_where_something_else_is_needed(opened: Runtime) -> None:
    await link(CHAIN)
    assert await graph_actions.skip(opened.journal, action("a"), branch=True) == ["a", "b", "c"]
    assert (await states())["d"] == "waiting"
    await work(doing())
    assert {row.outcome for row in await rows(items) if row.key in "dex"} == {"job completed"}


async def test_a_dead_letter_can_be_skipped(opened: Runtime) -> None:
    await link(DIAMOND)
    await work(doing(die={"b"}))
    await graph_actions.skip(opened.journal, action("b"))
    await work(doing())
    assert set((await states()).values()) == {"completed"}


async def test_an_item_that_a_process_holds_is_not_skipped(opened: Runtime) -> None:
    await link(DIAMOND)
    await take_first(opened)
    with pytest.raises(IllegalTransition, match="a is processing"):
        await graph_actions.skip(opened.journal, action("a"))
    with pytest.raises(IllegalTransition, match="a is processing"):
        await graph_actions.skip(opened.journal, action("a"), branch=True)
    assert (await states())["b"] == "waiting"
    await crash(opened)


async def test_a_claim_and_a_skip_at_once_do_not_both_win(opened: Runtime) -> None:
    await link({f"k{n}": [] for n in range(20)})
    both = []
    for n in range(20):
        both += [graph_actions.skip(opened.journal, action(f"k{n}")), take_first(opened)]
    found = await asyncio.gather(*both, return_exceptions=True)
    skipped = sum(isinstance(one, list) for one in found)
    refused = [one for one in found if isinstance(one, Exception)]
    assert all(isinstance(one, IllegalTransition) for one in refused)
    counted = list((await states()).values())
    assert counted.count("completed") == skipped
    assert counted.count("processing") >= len(refused)


async def test_all_items_of_a_group_are_cancelled(opened: Runtime) -> None:
    await link({"w/a": [], "w/b": ["w/a"], "w/c": [], "v/a": [], "v/b": ["v/a"]})
    await take_first(opened)
    whole = OperatorAction("jobs", "w/", "ann", "wrong data")
    assert await graph_actions.cancel_group(opened.journal, whole) == {
        "cancelled": 2,
        "asked to stop": 1,
    }
    assert await states() == {
        "w/a": "processing",
        "w/b": "cancelled",
        "w/c": "cancelled",
        "v/a": "pending",
        "v/b": "waiting",
    }
    failures = {
        row.key: orjson.loads(row.failure)["error"] for row in await rows(items) if row.failure
    }
    assert failures == {"w/b": "wrong data", "w/c": "wrong data"}
    assert ("cancel", "items jobs/w/*") in await acts()
    assert (await graph_actions.cancel_group(opened.journal, whole))["cancelled"] == 0


async def test_dead_letters_of_a_group_are_cancelled_too(opened: Runtime) -> None:
    await link({"w/a": [], "w/b": ["w/a"]})
    await work(doing(die={"w/a"}))
    await graph_actions.cancel_group(opened.journal, OperatorAction("jobs", "w/", "ann", "stop"))
    await work(doing())
    assert await states() == {"w/a": "cancelled", "w/b": "cancelled"}


async def test_items_are_added_to_those_that_run(opened: Runtime) -> None:
    await link(DIAMOND)
    await take_first(opened)
    await add(opened, {"e": ["a", "d"], "f": [], "g": ["f", "e"]})
    assert {key: (await states())[key] for key in "efg"} == {
        "e": "waiting",
        "f": "pending",
        "g": "waiting",
    }
    assert await acts() == [("add", "workflow w")]
    with pytest.raises(UnknownNeeds):
        await add(opened, {"h": ["nowhere"]})
    assert await acts() == [("add", "workflow w")]


async def test_an_end_and_an_addition_at_once_leave_nothing_waiting(opened: Runtime) -> None:
    await link({f"k{n}": [] for n in range(20)})
    more = [add(opened, {f"m{n}": [f"k{n}", f"k{(n + 1) % 20}"]}) for n in range(20)]
    await asyncio.gather(work(doing(), size=1), work(doing(fail={"k3"}), size=1), *more)
    await work(doing())
    assert set((await states()).values()) <= {"completed", "failed", "cancelled"}


async def test_an_item_that_waits_for_others_can_be_moved(opened: Runtime) -> None:
    await link({"x": [], "y": [], "b": ["x"]})
    await queue_admin.move(opened.journal, action("b"), "front")
    assert (await states())["b"] == "waiting"
    ranks = {row.key: row.rank for row in await rows(items)}
    assert ranks["b"] < min(ranks["x"], ranks["y"])
