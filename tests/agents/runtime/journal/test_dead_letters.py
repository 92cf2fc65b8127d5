"""A dead letter is mended, replayed or discarded once, and no item is ever lost."""

import pytest

from agents.runtime.context import Runtime
from agents.runtime.errors import IllegalTransition, Parked, PermanentError, TransientError
from agents.runtime.errors import UnknownOutcome as Unknown
from agents.runtime.execution.agent import EffectKey
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.saga import saga
from agents.runtime.journal.operator_actions import (
    NotReached,
    cancel,
    decide,
    discard,
    mend,
    replay,
    restart,
)
from agents.runtime.journal.schema import history, items, steps
from agents.runtime.model.lifecycle import ENDED, State
from agents.runtime.model.policies import PURE, Lookup
from agents.runtime.model.scenario import Correction, hash_of
from tests.agents.runtime.jobs import (
    HERE,
    JOBS,
    AnyAgent,
    Job,
    Made,
    Provider,
    batch_of,
    change,
    dead_letter_rows,
    effect_of,
    effect_statuses,
    jobs,
    rows,
    run,
    states,
    undo_of,
)
from tests.agents.runtime.journal.operators import (
    ONE,
    TOO_OFTEN,
    Question,
    action,
    at_once,
    events,
    plan_outage,
    resume,
    the_item,
)

pytestmark = pytest.mark.usefixtures("no_waits")


async def test_a_replayed_dead_letter_goes_on_where_it_stopped_with_all_attempts(
    opened: Runtime, provider: Provider
) -> None:
    late = Provider()
    workflow = (effect_of(provider), effect_of(late, name="last"))
    plan_outage(late, times=2 * TOO_OFTEN - 1)
    assert (await run(ONE, *workflow)).outcomes == {"dead-lettered": 1}
    assert (await resume(*workflow)).outcomes == {}, "no process resumes a dead letter"

    assert await replay(opened.journal, action())
    item = await the_item()
    assert (item.state, item.ended_at, item.failure, item.retry_at) == ("pending", *[None] * 3)
    assert await replay(opened.journal, action()) is False
    assert (await resume(*workflow)).outcomes == {"job completed": 1}
    assert await replay(opened.journal, action()) is False
    item, (letter,) = await the_item(), await dead_letter_rows()
    assert (item.outcome, item.owner, letter.status) == ("job completed", None, "replayed")
    assert (provider.count("one"), late.count("one")) == (1, 2 * TOO_OFTEN)
    assert len(late.keys("one")) == 1
    assert await events("replay") == [{"by": "ann", "reason": "had a look"}]


async def test_a_dead_letter_that_fails_again_is_counted(
    opened: Runtime, provider: Provider
) -> None:
    plan_outage(provider, times=3 * TOO_OFTEN)
    step = effect_of(provider)
    await run(ONE, step)
    for count in (1, 2, 3):
        (letter,) = await dead_letter_rows()
        assert (letter.status, letter.attempts) == ("open", TOO_OFTEN)
        assert letter._mapping["count"] == count
        item = await the_item()
        assert (item.state, "away" in item.failure) == ("dead_lettered", True)
        assert await replay(opened.journal, action())
        await resume(step)
    assert await states() == {"one": "completed"}


async def dead_compensation(provider: Provider) -> tuple[AnyAgent, ...]:
    """A workflow whose item became a dead letter while it was compensating."""

    @agent(PURE)
    def refuse(_job: Job) -> None:
        raise PermanentError("never")

    workflow = (effect_of(provider, undo=undo_of(provider)), refuse)
    batch = await batch_of(ONE)
    async with saga(batch):
        await refuse(await workflow[0](batch))
        plan_outage(provider)
    return workflow


async def test_a_replayed_compensation_continues_to_compensate(
    opened: Runtime, provider: Provider
) -> None:
    workflow = await dead_compensation(provider)
    for call in (
        mend(opened.journal, action(), Correction(JOBS, "{}")),
        cancel(opened.journal, action()),
        decide(opened.journal, action(), approved=True),
    ):
        with pytest.raises(IllegalTransition, match="one is compensating"):
            await call
    plan_outage(provider, times=TOO_OFTEN - 1)
    assert await replay(opened.journal, action())
    assert await states() == {"one": "compensating"}
    assert (await resume(*workflow)).outcomes == {"job compensated": 1}
    assert provider.undone == list(provider.made) == [f"{HERE}:default:jobs:one:make:0"]
    found = {row.agent: row.status for row in await rows(steps)}
    assert found == {"make": "done", "refuse": "failed", "unmake": "done"}


@pytest.mark.parametrize("compensating", [True, False])
async def test_one_of_many_concurrent_actions_on_a_dead_letter_wins(
    opened: Runtime, provider: Provider, compensating: bool
) -> None:
    if compensating:
        await dead_compensation(provider)
    else:
        plan_outage(provider)
        await run(ONE, effect_of(provider))
    actions = [
        *(replay(opened.journal, action()) for _ in range(4)),
        *(discard(opened.journal, action()) for _ in "abcd"),
    ]
    results = await at_once(actions)
    won = [result for result in results[:4] if result is True] + [
        result for result in results[4:] if result is None
    ]
    assert len(won) == 1
    assert {type(result) for result in results if result not in (True, False, None)} <= {
        IllegalTransition
    }
    assert len(await events("replay") + await events("discard")) == 1


@pytest.mark.parametrize("compensating", [True, False])
async def test_a_discarded_dead_letter_ends(
    opened: Runtime, provider: Provider, compensating: bool
) -> None:
    if compensating:
        await dead_compensation(provider)
    else:
        plan_outage(provider)
        await run(ONE, effect_of(provider))
    calls = len(provider.calls)
    await discard(opened.journal, action())
    item, (letter,) = await the_item(), await dead_letter_rows()
    assert (item.state, item.outcome, letter.status) == ("failed", "discarded", "discarded")
    assert item.ended_at is not None
    assert (await resume()).outcomes == {}
    assert len(provider.calls) == calls
    assert (await run(ONE)).stats.reasons == {"already done": {"discarded": 1}}


@pytest.mark.parametrize("happened", [True, False])
async def test_a_replay_settles_an_unknown_outcome_first(
    opened: Runtime, provider: Provider, happened: bool
) -> None:
    looked: list[str] = []

    async def find(_job: Job, key: EffectKey) -> Made | None:
        looked.append(key)
        if len(looked) < TOO_OFTEN:  # each time but at the replay
            raise TransientError("away")
        return Made(by="found") if key in provider.made else None

    (provider.after if happened else provider.before)["one"] = [Unknown("cut")]
    step = effect_of(provider, settle=Lookup(find))
    assert (await run(ONE, step)).outcomes == {"dead-lettered": 1}
    assert await effect_statuses() == {f"{HERE}:default:jobs:one:make:0": "intended"}
    assert await replay(opened.journal, action())
    assert (await resume(step)).outcomes == {"job completed": 1}
    assert len(looked) == TOO_OFTEN
    assert provider.count("one") == (1 if happened else 2)
    assert await effect_statuses() == {f"{HERE}:default:jobs:one:make:0": "done"}


async def test_a_replay_honours_an_earlier_request_to_cancel(
    opened: Runtime, provider: Provider
) -> None:
    plan_outage(late := Provider())
    workflow = (effect_of(provider, undo=undo_of(provider)), effect_of(late, name="last"))
    batch = await batch_of(ONE)
    async with saga(batch):
        batch = await workflow[0](batch)
        await workflow[1](batch)
    assert await states() == {"one": "dead_lettered"}
    await change("one", cancel_requested=True)  # as if it had come during the last attempt
    assert await replay(opened.journal, action())
    assert (await resume(*workflow)).outcomes == {"job cancelled": 1}
    assert provider.undone == list(provider.made)


async def test_a_mended_body_runs_and_the_first_one_is_kept(
    opened: Runtime, provider: Provider
) -> None:
    seen: list[int] = []

    @agent(PURE)
    def need(job: Job) -> None:
        seen.append(job.n)
        if job.n < 7:
            raise ValueError("too small")

    await run(ONE, need)
    bodies = [ONE[0].model_dump_json(), *(Job(key="one", n=n).model_dump_json() for n in (5, 7))]
    for body in bodies[1:]:
        await mend(opened.journal, action(), Correction(JOBS, body))
        assert await replay(opened.journal, action())
        await resume(need)
    assert seen == [0, 5, 7]
    item, (letter,) = await the_item(), await dead_letter_rows()
    assert (item.state, item.body, letter.original) == ("completed", bodies[2], bodies[0])
    hashes = [hash_of(body) for body in bodies]
    mended = [(entry["before"], entry["after"], entry["by"]) for entry in await events("mend")]
    assert mended == [(hashes[0], hashes[1], "ann"), (hashes[1], hashes[2], "ann")]
    again = await run(ONE, need)
    assert (again.stats.reasons, again.rejections) == ({"already done": {"job completed": 1}}, [])


async def test_only_a_dead_letter_can_be_mended_replayed_or_discarded(
    opened: Runtime, provider: Provider
) -> None:
    await run([Job(key="done")], effect_of(provider))
    await run([Job(key="asks"), Job(key="gone")], Question().agent)
    await cancel(opened.journal, action("gone"))
    await batch_of([Job(key="held")])
    before = await rows(items), await rows(history)
    for key in ("done", "asks", "gone", "held"):
        for call in (
            mend(opened.journal, action(key), Correction(JOBS, "{}")),
            replay(opened.journal, action(key)),
        ):
            with pytest.raises(IllegalTransition, match=key):
                await call
        with pytest.raises(IllegalTransition, match=f"{key} is .*'discard'"):
            await discard(opened.journal, action(key))
    assert (await rows(items), await rows(history)) == before


async def test_no_operator_action_loses_an_item(opened: Runtime, provider: Provider) -> None:
    def ask(job: Job) -> None:
        if job.n % 3 == 0:
            raise Parked("may I?")

    workflow = (effect_of(provider, undo=undo_of(provider)), agent(PURE)(ask))
    for job in jobs(12)[::4]:
        plan_outage(provider, job.key, times=9)
    await run(jobs(12), *workflow)
    actions = [
        replay(opened.journal, action("job-0000")),
        discard(opened.journal, action("job-0004")),
        decide(opened.journal, action("job-0003"), approved=False),
        cancel(opened.journal, action("job-0006")),
        decide(opened.journal, action("job-0009"), approved=True),
    ]
    for call in actions:
        await call
        await resume(*workflow)
        found = list((await states()).values())
        dead = sum(letter.status == "open" for letter in await dead_letter_rows())
        ended = sum(state in ENDED - {State.DEAD_LETTERED} for state in found)
        assert ended + found.count("waiting") + dead == len(found) == 12


async def test_a_cancelled_dead_letter_is_compensated_and_stays_closed(
    opened: Runtime, provider: Provider
) -> None:
    late = Provider()
    workflow = (effect_of(provider, undo=undo_of(provider)), effect_of(late, name="last"))
    plan_outage(late)
    await run(ONE, *workflow)

    assert await cancel(opened.journal, action()) is State.COMPENSATING
    for call in (
        replay(opened.journal, action()),
        discard(opened.journal, action()),
        cancel(opened.journal, action()),
    ):
        with pytest.raises(IllegalTransition):
            await call
    assert (await resume(*workflow)).outcomes == {"job cancelled": 1}
    assert provider.undone == list(provider.made)
    (letter,) = await dead_letter_rows()
    assert letter.status == "cancelled"


async def test_a_restart_repeats_the_agent_and_those_after_it(
    opened: Runtime, provider: Provider
) -> None:
    seen: list[str] = []

    def look(name: str) -> AnyAgent:
        def see(_job: Job) -> None:
            seen.append(name)

        see.__name__ = name
        return agent(PURE)(see)

    late = Provider()
    workflow = (look("first"), effect_of(provider), look("second"), effect_of(late, name="last"))
    plan_outage(late)
    await run(ONE, *workflow)

    assert await restart(opened.journal, action(), "make") == ["last", "second"]
    assert (await resume(*workflow)).outcomes == {"job completed": 1}
    assert seen == ["first", "second", "second"]
    assert (provider.count("one"), len(late.keys("one"))) == (1, 1)
    (event,) = await events("restart")
    assert (event["agent"], event["by"], event["repeated"]) == ("make", "ann", ["last", "second"])


async def test_an_item_is_restarted_only_at_an_agent_it_has_reached_and_before_its_end(
    opened: Runtime, provider: Provider
) -> None:
    step = effect_of(provider)
    plan_outage(provider)
    await run(ONE, step)
    with pytest.raises(NotReached, match="has not reached 'nowhere': restart it at one of: make"):
        await restart(opened.journal, action(), "nowhere")
    await restart(opened.journal, action(), "make")
    await resume(step)
    with pytest.raises(IllegalTransition, match="one is completed: 'restart'"):
        await restart(opened.journal, action(), "make")
