"""After its deadline an item begins nothing new and is compensated; begun effects are settled first."""

import asyncio
import random
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from agents.runtime.clock import MARGIN, budget, within
from agents.runtime.context import Runtime, open_runtime
from agents.runtime.errors import IllegalTransition, TransientError
from agents.runtime.execution.agent import EffectKey
from agents.runtime.execution.decorator import agent
from agents.runtime.intake.intake import Intake
from agents.runtime.journal.operator_actions import decide, expire
from agents.runtime.journal.schema import history, items
from agents.runtime.model.batch import RunStats
from agents.runtime.model.policies import EFFECT, PURE, READ, Lookup
from agents.runtime.model.scenario import Scenario
from agents.runtime.recovery.recovery import apply_timeouts
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    HERE,
    HOUR,
    JOBS,
    Job,
    Killed,
    Made,
    Provider,
    change,
    crashing_runtime,
    effect_of,
    effect_statuses,
    jobs,
    rows,
    run,
    states,
    submissions,
    undo_of,
)
from tests.agents.runtime.journal.operators import ONE, Question, action, at_once, resume, the_item

PAST = "the deadline has passed"
SOON = 2.0  # seconds; long enough to begin on a busy machine


def due_in(seconds: float) -> Scenario:
    return replace(JOBS, deadline=lambda _job: timedelta(seconds=seconds))


async def failure() -> Any:
    return orjson.loads((await the_item()).failure)


def slow(seconds: float = 60) -> Any:
    """An agent that takes `seconds`."""

    @agent(READ)
    async def wait(_job: Job) -> Made:
        await asyncio.sleep(seconds)
        return Made(by="wait")

    return wait


@pytest.mark.usefixtures("opened", "no_waits")
async def test_an_item_past_its_deadline_begins_nothing(provider: Provider) -> None:
    result = await run(ONE, effect_of(provider), scenario=due_in(0))
    assert result.outcomes == {"job failed": 1}
    assert result.stats.reasons == {"job failed": {"deadline exceeded": 1}}
    assert (provider.calls, await effect_statuses()) == ([], {})
    found = await failure()
    assert (found["agent"], found["error_type"], found["error"]) == (
        "make",
        "DeadlineExceeded",
        PAST,
    )
    assert [(h.event, h.detail) for h in await rows(history)][-2] == ("fail", PAST)


@pytest.mark.slow
@pytest.mark.usefixtures("opened", "no_waits")
async def test_a_call_ends_at_the_deadline_and_earlier_effects_are_undone(
    provider: Provider,
) -> None:
    make, later = effect_of(provider, undo=undo_of(provider)), effect_of(provider, name="later")
    begun = time.monotonic()
    result = await run(ONE, make, slow(), later, scenario=due_in(SOON))
    assert result.outcomes == {"job compensated": 1}
    assert time.monotonic() - begun < READ.ceiling / 2
    key = f"{HERE}:default:jobs:one:make:0"
    assert [called for _, called in provider.calls] == [key, f"undo {key}"]


@pytest.mark.slow
@pytest.mark.usefixtures("opened", "no_waits")
@pytest.mark.parametrize("happened", [True, False])
async def test_an_effect_that_the_deadline_ends_is_looked_up_before_it_is_undone(
    provider: Provider, happened: bool
) -> None:
    async def find(_job: Job, key: EffectKey) -> Made | None:
        await asyncio.sleep(0.01)
        return Made(by="found") if key in provider.made else None

    @agent(EFFECT, settle=Lookup(find), undo=undo_of(provider))
    async def make(job: Job, key: EffectKey) -> Made:
        if happened:
            await provider.make(job, key)
        await asyncio.sleep(60)
        return Made(by="make")

    result = await run(ONE, make, effect_of(provider, name="later"), scenario=due_in(SOON))
    assert result.outcomes == {"job compensated": 1}
    status = "done" if happened else "intended"
    assert (await effect_statuses())[f"{HERE}:default:jobs:one:make:0"] == status
    assert (await failure())["agent"] == ("later" if happened else "make")
    assert provider.undone == [f"{HERE}:default:jobs:one:make:0"]
    assert len(provider.made) == happened


async def test_a_deadline_outlives_the_process_and_follows_the_clock_of_the_journal(
    journal_settings: Settings, provider: Provider
) -> None:
    provider.after["one"] = [Killed()]
    make = effect_of(provider, undo=undo_of(provider))
    async with crashing_runtime(journal_settings):
        with pytest.raises(Killed):
            await run(ONE, make, scenario=due_in(3_600))
        item = await the_item()
        assert item.deadline - item.accepted_at == pytest.approx(3_600, abs=0.1)
        await change("one", deadline=item.accepted_at)
    async with open_runtime(journal_settings):
        assert (await resume(make)).outcomes == {"job compensated": 1}
    assert provider.undone == [f"{HERE}:default:jobs:one:make:0"]
    assert provider.count("one") == 2


async def test_the_journal_checks_the_deadline_before_it_writes_an_intent(
    opened: Runtime, provider: Provider
) -> None:
    intake = Intake(due_in(3_600), RunStats(), print)
    async for batch in intake.accepted(submissions([*ONE, Job(key="two")]), 256):
        await change("one", deadline=1.0)
        survivors = await effect_of(provider)(batch)
        assert [item.key for item in survivors.peek()] == ["two"]
    assert (await states())["one"] == "compensating"
    assert provider.keys("one") == set()


@pytest.mark.usefixtures("opened")
async def test_no_retry_wait_outlives_the_deadline(provider: Provider) -> None:
    provider.before["one"] = [TransientError("busy", 30)]
    begun = time.monotonic()
    some = [*ONE, Job(key="two")]
    result = await run(some, effect_of(provider), scenario=due_in(20))
    assert result.outcomes == {"job failed": 1, "job completed": 1}
    assert time.monotonic() - begun < 20
    assert set((await effect_statuses()).values()) == {"done", "refused"}
    assert (await rows(items))[0].retry_at is None


@pytest.mark.slow
@pytest.mark.usefixtures("opened", "no_waits")
async def test_the_deadline_of_one_item_does_not_end_others_of_its_batch() -> None:
    called: list[int] = []

    @agent(PURE, batched=True)
    def see(some: list[Job]) -> list[Made]:
        called.extend(job.n for job in some)
        return [Made(by="see") for _ in some]

    @agent(READ, batched=True)
    async def hang(some: list[Job]) -> list[Made]:
        await asyncio.sleep(60 if 5 in [job.n for job in some] else 0)
        return [Made(by="hang") for _ in some]

    deadlines = {3: timedelta(0), 5: timedelta(seconds=SOON)}
    scenario = replace(JOBS, deadline=lambda job: deadlines.get(job.n))
    result = await run(jobs(8), see, hang, scenario=scenario)
    assert result.outcomes == {"job completed": 6, "job failed": 2}
    assert sorted(called) == [0, 1, 2, 4, 5, 6, 7]


@pytest.mark.usefixtures("no_waits")
async def test_a_waiting_item_past_its_deadline_is_compensated_and_cannot_be_decided(
    opened: Runtime, provider: Provider
) -> None:
    workflow = (effect_of(provider, undo=undo_of(provider)), Question().agent)
    await run([*ONE, Job(key="two"), Job(key="new")], *workflow, scenario=due_in(60))
    await decide(opened.journal, action("two"), approved=True)
    for late in ("one", "two"):
        await change(late, deadline=1.0)
    assert (await apply_timeouts(opened.journal, "jobs", 50, 60))["expired"] == 1
    with pytest.raises(IllegalTransition):
        await decide(opened.journal, action(), approved=True)
    assert (await resume(*workflow)).outcomes == {"job compensated": 2}
    assert await states() == {"one": "compensated", "two": "compensated", "new": "waiting"}
    assert len(provider.undone) == 2


@pytest.mark.usefixtures("no_waits")
async def test_exactly_one_of_decision_and_deadline_wins(opened: Runtime) -> None:
    await run(ONE, Question().agent)
    found = await at_once(
        [decide(opened.journal, action(), approved=True), expire(opened.journal, action())]
    )
    assert sorted(isinstance(one, IllegalTransition) for one in found) == [False, True]
    assert (await the_item()).state in {"pending", "compensating"}


class SlowEffects:
    """Three effects in a row of random duration, and the time at which each began for each job."""

    def __init__(self) -> None:
        self.rng = random.Random(7)
        self.began: list[tuple[str, float]] = []
        self.providers = [Provider() for _ in range(3)]
        self.workflow = [self._step(number) for number in range(3)]

    def _step(self, number: int) -> Any:
        provider = self.providers[number]

        async def make(job: Job, key: EffectKey) -> Made:
            self.began.append((job.key, time.time()))
            await asyncio.sleep(self.rng.random() * 0.05)
            await provider.make(job, key)
            await asyncio.sleep(self.rng.random() * 0.05)
            return Made(by=str(number))

        make.__name__ = f"make{number}"
        return agent(EFFECT, settle=HOUR, undo=undo_of(provider, f"undo{number}"))(make)


@pytest.mark.usefixtures("opened", "no_waits")
async def test_exactly_one_of_deadline_and_progress_wins() -> None:
    """With deadlines at all points of the workflow, each item ends with all of its effects or none."""
    slow_effects, begun = SlowEffects(), time.monotonic()
    await run([Job(key=f"before-{n}") for n in range(60)], *slow_effects.workflow)
    whole = time.monotonic() - begun
    scenario = replace(JOBS, deadline=lambda job: timedelta(seconds=whole * 1.5 * job.n / 60))
    result = await run(jobs(60), *slow_effects.workflow, scenario=scenario)
    assert sum(result.outcomes.values()) == 60
    assert len(result.outcomes) > 1, "all deadlines were too early or too late"
    found = {row.key: row for row in await rows(items) if row.deadline is not None}
    for key, row in found.items():
        made = [{k for k, job in p.made.items() if job == key} for p in slow_effects.providers]
        undone = [
            set(p.undone) & keys for p, keys in zip(slow_effects.providers, made, strict=True)
        ]
        assert (row.state == "completed") == (all(made) and not any(undone)), key
        assert row.state == "completed" or undone == made, key
    late = [
        key for key, at in slow_effects.began if key in found and at > found[key].deadline + 0.01
    ]
    assert late == [], "begun after the deadline"


async def test_a_called_function_knows_its_remaining_time_and_ends_earlier() -> None:
    assert budget() == float("inf")
    async with within(10):
        assert 9 < budget() <= 10 - MARGIN
        async with within(1):
            assert budget() < 1
        assert budget() > 9
    with pytest.raises(TimeoutError):
        async with within(0.01):
            await asyncio.sleep(60)
    assert budget() == float("inf")
