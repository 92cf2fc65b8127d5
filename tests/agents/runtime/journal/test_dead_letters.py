"""A dead letter is mended, replayed or discarded once, and nothing vanishes meanwhile."""

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
    dying,
    events,
    go_on,
    the_item,
)

pytestmark = pytest.mark.usefixtures("no_waits")


async def test_a_replayed_letter_goes_on_where_it_stopped_with_a_fresh_budget(
    opened: Runtime, provider: Provider
) -> None:
    late = Provider()
    story = (effect_of(provider), effect_of(late, name="last"))
    dying(late, times=2 * TOO_OFTEN - 1)
    assert (await run(ONE, *story)).outcomes == {"dead-lettered": 1}
    assert (await go_on(*story)).outcomes == {}, "nobody goes on with a dead letter"

    assert await replay(opened.journal, action())
    item = await the_item()
    assert (item.state, item.ended_at, item.failure, item.retry_at) == ("pending", *[None] * 3)
    assert await replay(opened.journal, action()) is False
    assert (await go_on(*story)).outcomes == {"job completed": 1}
    assert await replay(opened.journal, action()) is False
    item, (letter,) = await the_item(), await dead_letter_rows()
    assert (item.outcome, item.owner, letter.status) == ("job completed", None, "replayed")
    assert (provider.count("one"), late.count("one")) == (1, 2 * TOO_OFTEN)
    assert len(late.keys("one")) == 1
    assert await events("replay") == [{"by": "ann", "reason": "had a look"}]


async def test_replayed_with_its_cause_unfixed_it_comes_back_counted(
    opened: Runtime, provider: Provider
) -> None:
    dying(provider, times=3 * TOO_OFTEN)
    step = effect_of(provider)
    await run(ONE, step)
    for count in (1, 2, 3):
        (letter,) = await dead_letter_rows()
        assert (letter.status, letter.attempts) == ("open", TOO_OFTEN)
        assert letter._mapping["count"] == count
        item = await the_item()
        assert (item.state, "away" in item.failure) == ("dead_lettered", True)
        assert await replay(opened.journal, action())
        await go_on(step)
    assert await states() == {"one": "completed"}


async def dead_compensation(provider: Provider) -> tuple[AnyAgent, ...]:
    """A story whose item died while it was undone."""

    @agent(PURE)
    def refuse(_job: Job) -> None:
        raise PermanentError("never")

    story = (effect_of(provider, undo=undo_of(provider)), refuse)
    batch = await batch_of(ONE)
    async with saga(batch):
        await refuse(await story[0](batch))
        dying(provider)
    return story


async def test_a_dead_compensation_goes_on_compensating(
    opened: Runtime, provider: Provider
) -> None:
    story = await dead_compensation(provider)
    for deed in (
        mend(opened.journal, action(), Correction(JOBS, "{}")),
        cancel(opened.journal, action()),
        decide(opened.journal, action(), approved=True),
    ):
        with pytest.raises(IllegalTransition, match="one is compensating"):
            await deed
    dying(provider, times=TOO_OFTEN - 1)
    assert await replay(opened.journal, action())
    assert await states() == {"one": "compensating"}
    assert (await go_on(*story)).outcomes == {"job compensated": 1}
    assert provider.undone == list(provider.made) == ["default:jobs:one:make:0"]
    found = {row.agent: row.status for row in await rows(steps)}
    assert found == {"make": "done", "refuse": "failed", "unmake": "done"}


@pytest.mark.parametrize("compensating", [True, False])
async def test_of_many_who_act_on_a_letter_at_once_one_wins(
    opened: Runtime, provider: Provider, compensating: bool
) -> None:
    if compensating:
        await dead_compensation(provider)
    else:
        dying(provider)
        await run(ONE, effect_of(provider))
    deeds = [
        *(replay(opened.journal, action()) for _ in range(4)),
        *(discard(opened.journal, action()) for _ in "abcd"),
    ]
    told = await at_once(deeds)
    won = [t for t in told[:4] if t is True] + [t for t in told[4:] if t is None]
    assert len(won) == 1
    assert {type(t) for t in told if t not in (True, False, None)} <= {IllegalTransition}
    assert len(await events("replay") + await events("discard")) == 1


@pytest.mark.parametrize("compensating", [True, False])
async def test_a_discarded_letter_is_over(
    opened: Runtime, provider: Provider, compensating: bool
) -> None:
    if compensating:
        await dead_compensation(provider)
    else:
        dying(provider)
        await run(ONE, effect_of(provider))
    calls = len(provider.calls)
    await discard(opened.journal, action())
    item, (letter,) = await the_item(), await dead_letter_rows()
    assert (item.state, item.outcome, letter.status) == ("failed", "discarded", "discarded")
    assert item.ended_at is not None
    assert (await go_on()).outcomes == {}
    assert len(provider.calls) == calls
    assert (await run(ONE)).stats.reasons == {"already done": {"discarded": 1}}


@pytest.mark.parametrize("happened", [True, False])
async def test_what_is_unknown_when_it_dies_is_settled_first(
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
    assert await effect_statuses() == {"default:jobs:one:make:0": "intended"}
    assert await replay(opened.journal, action())
    assert (await go_on(step)).outcomes == {"job completed": 1}
    assert len(looked) == TOO_OFTEN
    assert provider.count("one") == (1 if happened else 2)
    assert await effect_statuses() == {"default:jobs:one:make:0": "done"}


async def test_who_asked_to_cancel_before_it_died_is_heard_at_its_replay(
    opened: Runtime, provider: Provider
) -> None:
    dying(late := Provider())
    story = (effect_of(provider, undo=undo_of(provider)), effect_of(late, name="last"))
    batch = await batch_of(ONE)
    async with saga(batch):
        batch = await story[0](batch)
        await story[1](batch)
    assert await states() == {"one": "dead_lettered"}
    await change("one", cancel_requested=True)  # as if it had come during the last attempt
    assert await replay(opened.journal, action())
    assert (await go_on(*story)).outcomes == {"job cancelled": 1}
    assert provider.undone == list(provider.made)


async def test_the_mended_body_runs_and_the_first_one_is_kept(
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
        await go_on(need)
    assert seen == [0, 5, 7]
    item, (letter,) = await the_item(), await dead_letter_rows()
    assert (item.state, item.body, letter.original) == ("completed", bodies[2], bodies[0])
    hashes = [hash_of(body) for body in bodies]
    told = [(entry["before"], entry["after"], entry["by"]) for entry in await events("mend")]
    assert told == [(hashes[0], hashes[1], "ann"), (hashes[1], hashes[2], "ann")]
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
        for deed in (
            mend(opened.journal, action(key), Correction(JOBS, "{}")),
            replay(opened.journal, action(key)),
        ):
            with pytest.raises(IllegalTransition, match=key):
                await deed
        with pytest.raises(IllegalTransition, match=f"{key} is .*'discard'"):
            await discard(opened.journal, action(key))
    assert (await rows(items), await rows(history)) == before


async def test_nothing_vanishes_whatever_people_do(opened: Runtime, provider: Provider) -> None:
    def ask(job: Job) -> None:
        if job.n % 3 == 0:
            raise Parked("may I?")

    story = (effect_of(provider, undo=undo_of(provider)), agent(PURE)(ask))
    for job in jobs(12)[::4]:
        dying(provider, job.key, times=9)
    await run(jobs(12), *story)
    deeds = [
        replay(opened.journal, action("job-0000")),
        discard(opened.journal, action("job-0004")),
        decide(opened.journal, action("job-0003"), approved=False),
        cancel(opened.journal, action("job-0006")),
        decide(opened.journal, action("job-0009"), approved=True),
    ]
    for deed in deeds:
        await deed
        await go_on(*story)
        found = list((await states()).values())
        dead = sum(letter.status == "open" for letter in await dead_letter_rows())
        ended = sum(state in ENDED - {State.DEAD_LETTERED} for state in found)
        assert ended + found.count("waiting") + dead == len(found) == 12


async def test_a_cancelled_letter_is_undone_and_stays_closed(
    opened: Runtime, provider: Provider
) -> None:
    late = Provider()
    story = (effect_of(provider, undo=undo_of(provider)), effect_of(late, name="last"))
    dying(late)
    await run(ONE, *story)

    assert await cancel(opened.journal, action()) is State.COMPENSATING
    for deed in (
        replay(opened.journal, action()),
        discard(opened.journal, action()),
        cancel(opened.journal, action()),
    ):
        with pytest.raises(IllegalTransition):
            await deed
    assert (await go_on(*story)).outcomes == {"job cancelled": 1}
    assert provider.undone == list(provider.made)
    (letter,) = await dead_letter_rows()
    assert letter.status == "cancelled"


async def test_started_again_at_an_agent_what_was_stated_since_is_stated_anew(
    opened: Runtime, provider: Provider
) -> None:
    seen: list[str] = []

    def look(name: str) -> AnyAgent:
        def see(_job: Job) -> None:
            seen.append(name)

        see.__name__ = name
        return agent(PURE)(see)

    late = Provider()
    story = (look("first"), effect_of(provider), look("second"), effect_of(late, name="last"))
    dying(late)
    await run(ONE, *story)

    assert await restart(opened.journal, action(), "make") == ["last", "second"]
    assert (await go_on(*story)).outcomes == {"job completed": 1}
    assert seen == ["first", "second", "second"]
    assert (provider.count("one"), len(late.keys("one"))) == (1, 1)
    (told,) = await events("restart")
    assert (told["agent"], told["by"], told["repeated"]) == ("make", "ann", ["last", "second"])


async def test_an_item_is_started_again_only_where_it_has_been_and_while_it_is_stuck(
    opened: Runtime, provider: Provider
) -> None:
    step = effect_of(provider)
    dying(provider)
    await run(ONE, step)
    with pytest.raises(
        NotReached, match="has not been at 'nowhere'; start it again at one of: make"
    ):
        await restart(opened.journal, action(), "nowhere")
    await restart(opened.journal, action(), "make")
    await go_on(step)
    with pytest.raises(IllegalTransition, match="one is completed: 'restart'"):
        await restart(opened.journal, action(), "make")
