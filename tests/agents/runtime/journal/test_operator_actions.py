"""Operator actions apply once, only in states that allow them, and are in the history."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.errors import IllegalTransition, Parked, PermanentError, TransientError
from agents.runtime.execution.agent import EffectKey
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.saga import saga
from agents.runtime.journal.operator_actions import (
    OperatorAction,
    UnknownItem,
    cancel,
    decide,
    edit,
    escalate,
    replay,
)
from agents.runtime.journal.queries import waiting
from agents.runtime.journal.schema import effects, history, items
from agents.runtime.model import policies as retries
from agents.runtime.model.item import Decision
from agents.runtime.model.lifecycle import State
from agents.runtime.model.policies import EFFECT, PURE, SameKey
from agents.runtime.model.scenario import Correction, hash_of
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    HERE,
    JOBS,
    Job,
    Killed,
    Provider,
    batch_of,
    crashing_runtime,
    effect_of,
    jobs,
    rows,
    run,
    states,
    undo_of,
)
from tests.agents.runtime.journal.operators import (
    ONE,
    Question,
    action,
    at_once,
    events,
    plan_outage,
    resume,
    the_item,
)

pytestmark = pytest.mark.usefixtures("no_waits")


async def test_a_decision_is_passed_only_to_the_agent_that_asked(
    opened: Runtime, provider: Provider
) -> None:
    first, second = Question("first"), Question("second")
    workflow = (first.agent, effect_of(provider), second.agent)
    assert (await run(ONE, *workflow)).outcomes == {"waiting": 1}

    await decide(opened.journal, action(), approved=True)
    assert (await resume(*workflow)).outcomes == {"waiting": 1}
    assert (first.answers, second.answers) == (
        [None, Decision("first", approved=True, by="ann", reason="had a look")],
        [None],
    )
    await decide(opened.journal, action(by="bob", reason="why not"), approved=True)
    assert (await resume(*workflow)).outcomes == {"job completed": 1}
    assert len(first.answers) == 2
    assert provider.count("one") == 1
    assert await events("decide") == [
        {"by": "ann", "reason": "had a look", "verdict": "approved", "agent": "first"},
        {"by": "bob", "reason": "why not", "verdict": "approved", "agent": "second"},
    ]


async def test_a_rejection_compensates_earlier_effects(opened: Runtime, provider: Provider) -> None:
    question = Question()
    workflow = (effect_of(provider, undo=undo_of(provider)), question.agent)
    await run(ONE, *workflow)
    await decide(opened.journal, action(), approved=False)
    assert (await resume(*workflow)).outcomes == {"job compensated": 1}
    assert provider.undone == list(provider.made)
    assert question.answers == [None]
    assert "rejected by ann: had a look" in (await the_item()).failure


async def test_only_waiting_items_can_be_decided(opened: Runtime, provider: Provider) -> None:
    plan_outage(provider, "dead")
    await run([Job(key="done"), Job(key="dead")], effect_of(provider))
    await batch_of([Job(key="held")])
    for key, state in {"done": "completed", "dead": "dead_lettered", "held": "processing"}.items():
        with pytest.raises(IllegalTransition, match=f"{key} is {state}.*'decide'"):
            await decide(opened.journal, action(key), approved=True)
        with pytest.raises(IllegalTransition, match=f"{key} is {state}.*'escalate'"):
            await escalate(opened.journal, action(key), 1)
    with pytest.raises(UnknownItem, match="jobs has no item 'none'"):
        await decide(opened.journal, action("none"), approved=True)
    with pytest.raises(UnknownItem):
        await decide(opened.journal, OperatorAction("other", "done", "ann", ""), approved=True)
    assert await events("decide") == []


@pytest.mark.parametrize("approved", [True, False])
async def test_an_expired_key_is_used_again_only_after_an_approval(
    journal_settings: Settings, provider: Provider, approved: bool
) -> None:
    step = effect_of(provider, undo=undo_of(provider))
    provider.after["one"] = [Killed()]
    async with crashing_runtime(journal_settings):
        with pytest.raises(Killed):
            await run(ONE, step)
    async with open_runtime(journal_settings) as opened:
        async with opened.journal.database.write() as connection:
            await connection.execute(update(effects).values(intended_at=1.0))
        assert (await run(ONE, step)).outcomes == {"waiting": 1}
        assert len(provider.calls) == 1
        await decide(opened.journal, action(), approved=approved)
        ended = "job completed" if approved else "job compensated"
        assert (await resume(step)).outcomes == {ended: 1}
    key = f"{HERE}:default:jobs:one:make:0"
    again = key if approved else f"undo {key}"
    assert provider.calls == [("one", key), ("one", again)]


async def test_one_of_many_concurrent_decisions_wins(opened: Runtime, provider: Provider) -> None:
    question = Question()
    await run(ONE, question.agent)
    verdicts = [True, False] * 4
    actions = (
        decide(opened.journal, action(by=f"p{n}"), approved=v) for n, v in enumerate(verdicts)
    )
    results = await at_once(actions)
    assert [type(result) for result in results if result is not None] == [IllegalTransition] * 7
    winner = results.index(None)
    (entry,) = await events("decide")
    assert entry["by"] == f"p{winner}"
    ended = "job completed" if verdicts[winner] else "job failed"
    assert (await resume(question.agent)).outcomes == {ended: 1}


async def test_an_item_is_escalated_once(opened: Runtime) -> None:
    await run(ONE, Question().agent)
    assert sorted(await at_once(escalate(opened.journal, action(), n) for n in (9, 99))) == [0, 1]
    assert len(await events("escalate")) == 1


async def test_a_delayed_item_is_cancelled_before_its_next_effect(
    journal_settings: Settings, provider: Provider
) -> None:
    last = effect_of(late := Provider(), name="last")
    workflow = (effect_of(provider, undo=undo_of(provider)), last)
    late.before["one"] = [TransientError("later", 60)]
    retries.RETRY_SCALE.set(1.0)
    async with crashing_runtime(journal_settings) as gone:
        batch = await batch_of(ONE)
        async with saga(batch):
            await last(await workflow[0](batch))
        assert await states() == {"one": "pending"}
        assert await cancel(gone.journal, action()) is State.PENDING
        assert (await the_item()).retry_at is None
    async with open_runtime(journal_settings) as opened:
        assert (await resume(*workflow)).outcomes == {"job cancelled": 1}
        assert (await the_item()).retry_at is None
        with pytest.raises(IllegalTransition, match=r"is cancelled.*'cancel'"):
            await cancel(opened.journal, action())
    assert provider.undone == list(provider.made)
    assert late.count("one") == 1


async def test_an_item_is_completed_if_its_last_effect_happened_before_the_cancel(
    journal_settings: Settings, provider: Provider
) -> None:
    workflow = (effect_of(provider, undo=undo_of(provider)),)
    async with open_runtime(journal_settings):
        await workflow[0](await batch_of(ONE))
    async with open_runtime(journal_settings) as opened:
        assert await cancel(opened.journal, action()) is State.PENDING
        assert (await resume(*workflow)).outcomes == {"job completed": 1}
    assert not provider.undone


async def test_a_waiting_item_is_cancelled_at_once_and_only_once(
    opened: Runtime, provider: Provider
) -> None:
    workflow = (effect_of(provider, undo=undo_of(provider)), Question().agent)
    await run(ONE, *workflow)
    assert await cancel(opened.journal, action()) is State.COMPENSATING
    with pytest.raises(IllegalTransition, match="is compensating"):
        await cancel(opened.journal, action())
    with pytest.raises(IllegalTransition, match="is compensating"):
        await decide(opened.journal, action(), approved=True)
    assert (await resume(*workflow)).outcomes == {"job cancelled": 1}
    assert provider.undone == list(provider.made)
    assert await events("cancel") == [{"by": "ann", "reason": "had a look"}]


async def test_a_held_item_is_cancelled_before_its_next_effect(
    opened: Runtime, provider: Provider
) -> None:
    last = effect_of(unwanted := Provider(), name="last")
    batch = await batch_of(jobs(2))
    async with saga(batch):
        batch = await effect_of(provider, undo=undo_of(provider))(batch)
        assert await cancel(opened.journal, action("job-0001")) is State.PROCESSING
        batch = await last(batch)
    assert await states() == {"job-0000": "completed", "job-0001": "cancelled"}
    assert unwanted.count("job-0001") == 0
    assert provider.undone == [f"{HERE}:default:jobs:job-0001:make:0"]


async def test_either_the_cancel_or_the_progress_wins(opened: Runtime, provider: Provider) -> None:
    undo, last = undo_of(provider), Provider()
    workflow = (effect_of(provider, undo=undo), effect_of(last, name="last"))
    batch = await batch_of(jobs(40))

    async def work() -> None:
        current = batch
        async with saga(batch):
            for step in workflow:
                current = await step(current)

    async def cancel_later(key: str, n: int) -> None:
        await asyncio.sleep(0.004 * n)
        await cancel(opened.journal, action(key))

    cancels = (cancel_later(job.key, n) for n, job in enumerate(jobs(40)))
    results = await asyncio.gather(work(), *cancels, return_exceptions=True)
    found = await states()
    assert set(found.values()) <= {"completed", "cancelled"}
    for job, answer in zip(jobs(40), results[1:], strict=True):
        too_late = isinstance(answer, IllegalTransition)
        assert answer is None or too_late, answer
        assert not (too_late and found[job.key] == "cancelled")
        undone = f"{HERE}:default:jobs:{job.key}:make:0" in provider.undone
        made = job.key in provider.made.values()
        assert undone == (made and found[job.key] == "cancelled")
        assert (last.count(job.key) == 1) == (found[job.key] == "completed")


async def test_the_history_says_who_cancelled_a_held_item(opened: Runtime) -> None:
    await batch_of(ONE)
    await cancel(opened.journal, action())
    assert await events("cancel") == [{"by": "ann", "reason": "had a look"}]


async def test_an_edited_item_runs_again_and_asks_again(
    opened: Runtime, provider: Provider
) -> None:
    seen: list[int] = []

    @agent(PURE)
    def look(job: Job) -> None:
        seen.append(job.n)

    question = Question()
    workflow = (look, question.agent, effect_of(provider))
    await run(ONE, *workflow)
    body = Job(key="one", n=7).model_dump_json()

    await edit(opened.journal, action(), Correction(JOBS, body))
    assert (await resume(*workflow)).outcomes == {"waiting": 1}
    assert (seen, question.answers) == ([0, 7], [None, None])
    assert (await the_item()).body == body
    (event,) = await events("edit")
    assert (event["by"], event["after"]) == ("ann", hash_of(body))
    assert event["repeated"] == ["ask", "look"]

    await decide(opened.journal, action(), approved=True)
    assert (await resume(*workflow)).outcomes == {"job completed": 1}
    with pytest.raises(IllegalTransition, match="one is completed: 'edit'"):
        await edit(opened.journal, action(), Correction(JOBS, body))


async def test_a_correction_that_comes_too_late_changes_nothing(
    opened: Runtime, provider: Provider
) -> None:
    class TooLate(Exception):
        pass

    def refuse(before: Job, after: Job, effects: frozenset[str]) -> None:
        if before.n != after.n and "make" in effects:
            raise TooLate

    question = Question()
    await run(ONE, effect_of(provider), question.agent)
    correction = Correction(replace(JOBS, allow_edit=refuse), Job(key="one", n=7).model_dump_json())
    before = await rows(items), await rows(history)
    with pytest.raises(TooLate):
        await edit(opened.journal, action(), correction)
    assert (await rows(items), await rows(history)) == before


@pytest.mark.parametrize("approved", [True, False])
async def test_a_compensation_can_wait_for_an_operator(
    opened: Runtime,
    provider: Provider,
    approved: bool,
) -> None:
    undone: list[str] = []

    @agent(EFFECT, settle=SameKey(timedelta(hours=1)))
    def take_back(job: Job, key: EffectKey, decision: Decision | None) -> None:
        if decision is None:
            raise Parked("undo so much?")
        undone.append(key)

    @agent(PURE)
    def refuse(_job: Job) -> None:
        raise PermanentError("never")

    workflow = (effect_of(provider, undo=take_back), refuse)
    assert (await run(ONE, *workflow)).outcomes == {"waiting": 1}
    item = await the_item()
    assert (item.state, item.waiting_since is None) == ("compensating", False)
    assert [row.reason for row in await waiting(opened.journal, "jobs")] == ["undo so much?"]
    assert (await resume(*workflow)).outcomes == {}, "nothing is undone without a decision"
    assert await escalate(opened.journal, action(), 60)
    assert await escalate(opened.journal, action(), 60) is False

    await decide(opened.journal, action(), approved=approved)
    ended = await resume(*workflow)
    if approved:
        assert (ended.outcomes, len(undone)) == ({"job compensated": 1}, 1)
    else:
        assert (ended.outcomes, undone) == ({"dead-lettered": 1}, [])
        assert await states() == {"one": "compensating"}
        assert await replay(opened.journal, action())
        assert (await resume(*workflow)).outcomes == {"waiting": 1}, "it is asked again"
        await decide(opened.journal, action(), approved=True)
        assert (await resume(*workflow)).outcomes == {"job compensated": 1}
    with pytest.raises(IllegalTransition):
        await decide(opened.journal, action(), approved=True)
