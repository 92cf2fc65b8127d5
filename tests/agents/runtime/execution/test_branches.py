"""The branches of a graph run side by side; what moves an item waits until no branch has it in work."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import select, update

from agents.runtime.clock import Clock
from agents.runtime.context import Runtime, open_runtime, runtime
from agents.runtime.errors import Parked, Pending, PermanentError
from agents.runtime.execution.agent import EffectKey
from agents.runtime.execution.attempt import LeaseLost
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.graph import graph
from agents.runtime.execution.saga import saga
from agents.runtime.journal import operator_actions
from agents.runtime.journal.operator_actions import OperatorAction
from agents.runtime.journal.schema import effects, history, items, steps
from agents.runtime.model.batch import Batch
from agents.runtime.model.item import Decision
from agents.runtime.model.policies import EFFECT, PURE
from agents.runtime.settings import Settings
from agents.runtime.testing import run_by
from tests.agents.runtime.jobs import (
    HOUR,
    Job,
    Killed,
    Provider,
    batch_of,
    change,
    crashing_runtime,
    dead_letter_rows,
    jobs,
    rows,
    run,
    states,
    undo_of,
)


class Stopped(Clock):
    """Its time stands still."""

    def time(self) -> float:
        return 1.8e9

    def monotonic(self) -> float:
        return time.monotonic()


ONE = [Job(key="one")]
pytestmark = pytest.mark.usefixtures("no_waits")
Hook = Callable[[Job], Awaitable[None]]


class Refused(PermanentError):
    """The step can never succeed."""


class Left(BaseModel):
    """What the left branch states."""


class Right(BaseModel):
    """What the right branch states."""


class Diamond:
    """Root, then left beside right, then last, which takes the facts of both; each has an undo.

    A hook of an agent is awaited before its provider is called.
    """

    def __init__(self, **policies: Any) -> None:
        names = ("root", "left", "right", "last")
        self.providers = {name: Provider() for name in names}
        self.hooks: dict[str, Hook] = {}
        self.undone: list[tuple[str, str]] = []
        self.begun: list[str] = []
        root = self._effect("root", self._root)
        left = self._effect("left", self._left)
        right = self._effect("right", self._right, policies.get("right", EFFECT))
        last = self._effect("last", self._last)
        self.agents = {"root": root, "left": left, "right": right, "last": last}
        self.graph = graph(last, right, left, root, after={left: [root], right: [root]})

    def fail(self, name: str, *errors: BaseException, key: str = "one") -> None:
        """Let the provider of this agent fail before its effect."""
        self.providers[name].before[key] = list(errors)

    def keys(self, name: str) -> list[str]:
        """The jobs that the agent's provider was asked for."""
        return [job for job, key in self.providers[name].calls if not key.startswith("undo ")]

    def _effect(self, name: str, function: Any, policy: Any = EFFECT) -> Any:
        provider, log = self.providers[name], self.undone

        class Noting(Provider):
            async def undo(self, job: Job, key: str) -> None:
                log.append((job.key, name))
                await provider.undo(job, key)

        async def action(job: Job, *arguments: Any) -> Any:
            return await function(job, *arguments)

        action.__name__ = name
        action.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        action.__annotations__ = function.__annotations__
        undo = undo_of(Noting(), f"undo_{name}")
        return agent(policy, settle=HOUR, undo=undo)(action)

    async def _make(self, name: str, job: Job, key: str) -> None:
        self.begun.append(name)
        if name in self.hooks:
            await self.hooks[name](job)
        await self.providers[name].make(job, key)

    async def _root(self, job: Job, key: EffectKey) -> None:
        await self._make("root", job, key)

    async def _left(self, job: Job, key: EffectKey) -> Left:
        await self._make("left", job, key)
        return Left()

    async def _right(self, job: Job, key: EffectKey) -> Right:
        await self._make("right", job, key)
        return Right()

    async def _last(self, job: Job, _left: Left, _right: Right, key: EffectKey) -> None:
        await self._make("last", job, key)


@pytest.fixture
def diamond() -> Diamond:
    return Diamond()


async def statuses(table: Any = steps) -> dict[str, str]:
    return {row.agent: row.status for row in await rows(table)}


async def events(key: str = "one") -> list[str]:
    query = select(history.c.event).join(items, items.c.id == history.c.item)
    async with runtime().journal.database.read() as connection:
        found = await connection.scalars(
            query.where(items.c.key == key).order_by(history.c.sequence)
        )
        return list(found)


def meet(diamond: Diamond, *names: str) -> None:
    """Let these agents reach their providers only when all of them are called."""
    called = {name: asyncio.Event() for name in names}

    def hook(name: str) -> Hook:
        async def wait(_job: Job) -> None:
            called[name].set()
            for event in called.values():
                await event.wait()

        return wait

    for name in names:
        diamond.hooks[name] = hook(name)


@pytest.mark.usefixtures("opened")
async def test_branches_run_side_by_side_and_their_facts_meet(diamond: Diamond) -> None:
    meet(diamond, "left", "right")
    async with asyncio.timeout(20):
        assert (await run(ONE, diamond.graph)).outcomes == {"job completed": 1}
    assert diamond.begun[0] == "root"
    assert diamond.begun[-1] == "last"
    assert set((await statuses()).values()) == {"done"}


@pytest.mark.usefixtures("opened")
async def test_a_failure_waits_for_the_other_branch_and_all_is_undone_in_reverse(
    diamond: Diamond,
) -> None:
    seen: list[str] = []
    left_failed = asyncio.Event()

    async def note(_job: Job) -> None:
        left_failed.set()

    async def linger(_job: Job) -> None:
        await left_failed.wait()
        await asyncio.sleep(0.3)  # longer than the step waits for a group
        seen.extend((await states()).values())

    diamond.hooks |= {"left": note, "right": linger}
    diamond.fail("left", Refused())
    assert (await run(ONE, diamond.graph)).outcomes == {"job compensated": 1}
    assert seen == ["processing"], "moved at once, the item would refuse what right has done"
    assert await statuses() == {
        "root": "done",
        "left": "failed",
        "right": "done",
        "undo_right": "done",
        "undo_root": "done",
    }
    assert diamond.undone == [("one", "right"), ("one", "root")]
    assert (await statuses(effects))["left"] == "refused"


@pytest.mark.usefixtures("opened")
async def test_one_item_fails_alone(diamond: Diamond) -> None:
    diamond.fail("left", Refused(), key="job-0001")
    diamond.fail("right", Refused(), key="job-0002")
    outcomes = (await run(jobs(5), diamond.graph)).outcomes
    assert outcomes == {"job completed": 3, "job compensated": 2}
    assert {key for key, _ in diamond.undone} == {"job-0001", "job-0002"}


LATER = Pending("later", timedelta(days=1))


@pytest.mark.parametrize(
    "left,right,state,event",
    [
        (Refused(), Refused(), "compensated", "fail"),
        (Parked("ok?"), Refused(), "compensated", "fail"),
        (Refused(), LATER, "compensated", "fail"),
        (Refused(), ValueError("bug"), "compensated", "fail"),
        (ValueError("bug"), Parked("ok?"), "dead_lettered", "dead_letter"),
        (LATER, ValueError("bug"), "dead_lettered", "dead_letter"),
        (Parked("ok?"), LATER, "waiting", "park"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
@pytest.mark.usefixtures("opened")
async def test_an_item_moves_once_by_the_outcome_that_counts_most(
    left: Exception, right: Exception, state: str, event: str
) -> None:
    diamond = Diamond()
    meet(diamond, "left", "right")
    for name, error in (("left", left), ("right", right)):
        diamond.fail(name, *[error] * (EFFECT.attempts if isinstance(error, ValueError) else 1))
    batch = await batch_of(ONE)
    async with saga(batch):
        await diamond.graph(batch)
    assert await states() == {"one": state}
    moves = [event for event in await events() if event not in {"accept", "claim"}]
    assert moves[0] == event
    assert len(moves) == (2 if event == "fail" else 1)
    assert set(await statuses()) >= {"left", "right"}, "what each branch did is journalled"
    assert diamond.undone[-1:] == ([("one", "root")] if state == "compensated" else [])


@pytest.mark.usefixtures("opened")
async def test_two_branches_ask_a_person_one_after_the_other() -> None:
    def asking(name: str, kind: type) -> Any:
        def ask(_job: Job, decision: Decision | None) -> Any:
            if decision is None:
                raise Parked(f"{name}?")
            return kind()

        ask.__name__ = name
        ask.__annotations__ |= {"return": kind}
        return agent(PURE)(ask)

    two = graph(asking("price", Left), asking("weigh", Right))
    asked = []
    for _ in range(2):
        await run(ONE, two)
        (row,) = await rows(items)
        assert row.state == "waiting"
        parked = [row.detail for row in await rows(history) if row.event == "park"]
        asked.append(parked[-1])
        action = OperatorAction("jobs", "one", "ann", "known")
        await operator_actions.decide(runtime().journal, action, approved=True)
    assert (await run(ONE, two)).outcomes == {"job completed": 1}
    assert asked == ["price?", "weigh?"]


@pytest.mark.usefixtures("opened")
async def test_no_branch_begins_anything_new_for_an_item_that_has_failed() -> None:
    diamond = Diamond(right=replace(EFFECT, concurrency=1))
    failed = asyncio.Event()

    async def note(job: Job) -> None:
        if job.key == "job-0001":
            failed.set()

    async def hold(_job: Job) -> None:
        await failed.wait()
        await asyncio.sleep(0.3)

    diamond.hooks |= {"left": note, "right": hold}
    diamond.fail("left", Refused(), key="job-0001")
    outcomes = (await run(jobs(2), diamond.graph)).outcomes
    assert outcomes == {"job completed": 1, "job compensated": 1}
    assert diamond.keys("right") == ["job-0000"]
    assert ("job-0001", "right") not in diamond.undone
    assert len([row for row in await rows(effects) if row.agent == "right"]) == 1


async def test_an_exception_ends_the_other_branch_and_moves_nothing(opened: Runtime) -> None:
    diamond = Diamond()
    ended: list[str] = []
    begun = asyncio.Event()

    async def hang(_job: Job) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("left")
            raise

    async def wait(_job: Job) -> None:
        await begun.wait()

    diamond.hooks |= {"left": hang, "right": wait}
    diamond.fail("right", LeaseLost("gone"))
    batch = await batch_of(ONE)
    with pytest.raises(LeaseLost, match="gone"):
        async with saga(batch):
            await diamond.graph(batch)
    assert ended == ["left"]
    assert batch.context.deferred is None
    assert await states() == {"one": "processing"}
    assert diamond.undone == []


async def test_a_deferred_failure_that_a_crash_forgets_is_found_again(
    journal_settings: Settings, diamond: Diamond
) -> None:
    async def crash(_job: Job) -> None:
        await asyncio.sleep(0.3)
        raise Killed

    diamond.hooks["right"] = crash
    diamond.fail("left", Refused(), Refused())
    async with crashing_runtime(journal_settings):
        batch = await batch_of(ONE)
        with pytest.raises(Killed):
            await diamond.graph(batch)
        assert await statuses() == {"root": "done"}
    diamond.hooks.clear()
    async with open_runtime(journal_settings):
        assert (await run(ONE, diamond.graph)).outcomes == {"job compensated": 1}
        undone = [name for _, name in diamond.undone]
        assert sorted(undone[:2]) == ["left", "right"], "nobody knows whether left has happened"
        assert undone[2:] == ["root"]
        assert len(diamond.providers["root"].made) == 1
        assert (await run(ONE, diamond.graph)).outcomes == {"already done": 1}


@pytest.mark.usefixtures("opened")
async def test_an_item_that_another_process_took_is_counted_once(diamond: Diamond) -> None:
    async def take(_job: Job) -> None:
        await change("one", fence=9, owner=None)

    diamond.hooks["left"] = take
    assert (await run(ONE, diamond.graph)).outcomes == {"elsewhere": 1}
    assert diamond.keys("last") == []
    await change("one", fence=1, owner=runtime().lease.id)  # as the history says


@pytest.mark.usefixtures("opened")
async def test_a_cancellation_counts_at_the_next_intent(diamond: Diamond) -> None:
    async def cancel(_job: Job) -> None:
        action = OperatorAction("jobs", "one", "ann", "not wanted")
        await operator_actions.cancel(runtime().journal, action)

    diamond.hooks["left"] = cancel
    assert (await run(ONE, diamond.graph)).outcomes == {"job cancelled": 1}
    assert diamond.keys("last") == []
    assert sorted(diamond.undone[:2]) == [("one", "left"), ("one", "right")]
    assert diamond.undone[2] == ("one", "root")


@pytest.mark.usefixtures("opened")
async def test_effects_of_one_tick_are_undone_after_those_that_depend_on_them(
    diamond: Diamond,
) -> None:
    diamond.fail("last", Refused())
    with run_by(Stopped()):
        assert (await run(ONE, diamond.graph)).outcomes == {"job compensated": 1}
    assert diamond.undone[-1] == ("one", "root")
    assert len({row.intended_at for row in await rows(effects) if "undo" not in row.agent}) >= 3


async def test_an_item_with_an_unreadable_fact_waits_before_any_branch_begins(
    journal_settings: Settings, diamond: Diamond
) -> None:
    async def leave(_job: Job) -> None:
        raise Killed

    diamond.hooks["last"] = leave
    async with crashing_runtime(journal_settings):
        batch = await batch_of(ONE)
        with pytest.raises(Killed):
            await diamond.graph(batch)
        async with runtime().journal.database.write() as connection:
            await connection.execute(
                update(steps).where(steps.c.agent == "left").values(output='"no such form"')
            )
    diamond.hooks.clear()
    async with open_runtime(journal_settings):
        assert (await run(ONE, diamond.graph)).outcomes == {"waiting": 1}
        assert len(diamond.keys("last")) == 0


@pytest.mark.usefixtures("opened")
async def test_an_outcome_that_cannot_be_stored_is_a_dead_letter(diamond: Diamond) -> None:
    meet(diamond, "left", "right")
    diamond.fail("left", Refused("\ud800"))
    diamond.fail("right", Refused())
    assert (await run(ONE, diamond.graph)).outcomes == {"dead-lettered": 1}
    (letter,) = await dead_letter_rows()
    assert "cannot store" in letter.error


@pytest.mark.usefixtures("opened")
async def test_where_nothing_runs_beside_it_an_outcome_moves_its_item_at_once(
    diamond: Diamond,
) -> None:
    seen: list[str] = []

    async def look(job: Job) -> None:
        if job.key == "job-0001":
            await asyncio.sleep(0.6)
            seen.append((await states())["job-0000"])

    diamond.hooks["root"] = look
    diamond.fail("root", Refused(), key="job-0000")
    await run(jobs(2), diamond.graph)
    assert seen == ["compensating"]


@pytest.mark.usefixtures("opened")
async def test_several_ends_join_in_one_batch() -> None:
    both = Diamond()
    two = graph(both.agents["left"], both.agents["right"])
    both.fail("right", Refused(), key="job-0001")
    batch = await batch_of(jobs(3))
    result: Batch = await two(batch)
    assert [item.key for item in result.peek()] == ["job-0000", "job-0002"]
