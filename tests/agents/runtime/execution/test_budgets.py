"""A budget holds; at its limit items wait, ask, or get the cheaper version, as it says."""

import asyncio
import signal
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from agents.runtime.context import Runtime, of_tenant, open_runtime
from agents.runtime.errors import PermanentError, TransientError, UnknownOutcome
from agents.runtime.execution import admission
from agents.runtime.execution.agent import EffectKey
from agents.runtime.execution.budgets import spent
from agents.runtime.execution.decorator import agent
from agents.runtime.forecast_registry import cost_model
from agents.runtime.journal import resources
from agents.runtime.journal.capacity_admin import BadCapacity, CapacitySetting, set_capacity
from agents.runtime.journal.operator_actions import OperatorAction, decide
from agents.runtime.journal.resource_use import usage
from agents.runtime.journal.scheduling_schema import capacities, holdings, quota_uses
from agents.runtime.journal.schema import items, steps
from agents.runtime.model.policies import EFFECT, MODEL, PURE, READ, Lookup
from agents.runtime.scheduling.reservations import AtLimit
from agents.runtime.settings import Settings
from tests.agents.runtime.execution import paying_child
from tests.agents.runtime.jobs import (
    HOUR,
    Job,
    Killed,
    Made,
    Provider,
    change,
    crashing_runtime,
    jobs,
    rows,
    run,
    states,
)
from tests.agents.runtime.test_forecaster import model_of, promote_in

ROOT = Path(__file__).resolve().parents[4]
DAY = 86_400.0
ESTIMATE = 100.0
BY = OperatorAction("jobs", "job-0002", "Ann", "it is worth it")

pytestmark = pytest.mark.usefixtures("no_waits", "no_patience")


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Items that are blocked leave their step at once."""
    monkeypatch.setattr(admission, "STAYS", 0.0)


@dataclass
class Model:
    """A language model: each call says that it has spent `tokens`; `plan` has errors to raise after it."""

    tokens: float | None = 60.0
    plan: list[BaseException] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def agent(self, **options: Any) -> Any:
        @agent(MODEL, takes={"tokens": ESTIMATE}, **options)
        async def write(job: Job) -> Made:
            self.asked.append(job.key)
            await asyncio.sleep(0)
            if self.tokens is not None:
                spent(tokens=self.tokens)
            if self.plan:
                raise self.plan.pop(0)
            return Made(by="model")

        return write


@agent(PURE)
def use_template(_job: Job) -> Made:
    """The cheaper version."""
    return Made(by="template")


async def budget(opened: Runtime, amount: float, at_limit: str, tenant: str = "default") -> None:
    setting = CapacitySetting("tokens", amount, tenant, DAY, at_limit)
    await set_capacity(opened.journal, setting, "ann", "test")


async def used() -> float:
    return float(sum(row.amount for row in await rows(quota_uses)))


def paid_effect(provider: Provider, settle: str) -> Any:
    """An effect that costs 60 tokens, which it knows after its call, as its look-up does."""

    async def find(job: Job, key: EffectKey) -> Made | None:
        if key not in provider.made:
            return None
        spent(tokens=60)
        return Made(by=job.key)

    how = Lookup(find) if settle == "look-up" else HOUR

    @agent(EFFECT, settle=how, takes={"tokens": ESTIMATE})
    async def make(job: Job, key: EffectKey) -> Made:
        await provider.make(job, key)
        spent(tokens=60)
        return Made(by=job.key)

    return make


async def made_by() -> list[str]:
    return [Made.model_validate_json(row.output).by for row in await rows(steps) if row.output]


async def test_an_item_waits_for_a_budget_that_pauses(
    opened: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    """Two calls take 60 each; then 130 of 250 are left, and after the third 70, which is too little."""
    await budget(opened, 250, AtLimit.PAUSE)
    model = Model()
    await run(jobs(5), model.agent())
    assert (len(model.asked), await used()) == (3, 180.0)
    waiting = [row for row in await rows(items) if row.state == "pending"]
    assert len(waiting) == 2
    assert all(row.retry_at is not None for row in waiting)
    [text] = {row.error for row in await rows(steps) if row.status == "delayed"}
    assert text.startswith(
        "the budget of tenant default for tokens is used: 180 of 250 in 24 hours"
    )
    told = [record for record in caplog.records if '"budget"' in record.getMessage()]
    assert len(told) == 1, "people are told once in its window"
    assert await rows(holdings) == []


async def test_a_person_is_asked_and_lets_one_item_through(opened: Runtime) -> None:
    await budget(opened, 150, AtLimit.ASK)
    model = Model(tokens=100)
    assert (await run(jobs(3), model.agent())).outcomes == {"job completed": 1, "waiting": 2}
    asked = [row for row in await rows(steps) if row.status == "waiting"]
    assert all(row.error.endswith("approve to spend it nevertheless, or reject") for row in asked)
    await decide(opened.journal, BY, approved=True)
    await decide(opened.journal, replace(BY, key="job-0001"), approved=False)
    await run(jobs(3), model.agent())
    assert await states() == {
        "job-0000": "completed",
        "job-0001": "failed",
        "job-0002": "completed",
    }
    assert model.asked == ["job-0000", "job-0002"]
    assert await used() == 200.0, "what a person allows counts; what she rejects does not"


async def test_an_item_that_needs_more_than_the_whole_budget_asks_too(opened: Runtime) -> None:
    await budget(opened, 50, AtLimit.ASK)
    assert (await run(jobs(1), Model().agent())).outcomes == {"waiting": 1}
    await decide(opened.journal, replace(BY, key="job-0000"), approved=True)
    assert (await run(jobs(1), Model().agent())).outcomes == {"job completed": 1}


async def test_the_cheaper_version_runs_where_the_budget_does_not_suffice(opened: Runtime) -> None:
    await budget(opened, 120, AtLimit.CHEAPER)
    model = Model()
    result = await run(jobs(4), model.agent(cheaper=use_template))
    assert result.outcomes == {"job completed": 4}
    assert sorted(await made_by()) == ["model", *["template"] * 3]
    instead = [row.error for row in await rows(steps) if row.error]
    assert len(instead) == 3
    assert instead[0].startswith(
        "use_template ran instead: the budget of tenant default for tokens"
    )
    assert {row.agent for row in await rows(steps)} == {"write"}
    assert await used() == 60.0


async def test_without_a_cheaper_version_the_item_waits(opened: Runtime) -> None:
    await budget(opened, 100, AtLimit.CHEAPER)
    await run(jobs(2), Model().agent())
    assert sorted((await states()).values()) == ["completed", "pending"]


async def test_another_tenant_is_not_affected(opened: Runtime) -> None:
    await budget(opened, 100, AtLimit.PAUSE, tenant="small")
    model = Model(tokens=100)
    with of_tenant("small"):
        await run(jobs(2), model.agent())
    with of_tenant("large"):
        assert (await run(jobs(2), model.agent())).outcomes == {"job completed": 2}
    assert len(model.asked) == 3


async def test_a_tenant_s_budget_of_a_day_stands_beside_a_rate_of_all(opened: Runtime) -> None:
    """What was used of the rate long ago counts no longer, and still counts in the budget."""
    await budget(opened, 170, AtLimit.PAUSE)
    rate = CapacitySetting("tokens", 100, window_seconds=7_200)
    await set_capacity(opened.journal, rate, "ann", "test")
    model = Model()
    await run(jobs(2), model.agent())
    assert len(model.asked) == 1, "the rate of two hours is used"
    earlier = update(quota_uses).values(until=quota_uses.c.until - 8_000)
    async with opened.journal.database.write() as connection:
        await connection.execute(earlier)
    await change("job-0001", retry_at=1.0)
    await run(jobs(3), model.agent())
    assert len(model.asked) == 2
    in_day = [row.amount for row in await rows(quota_uses) if row.scope == "default"]
    assert sum(in_day) == 120.0
    shown = {use.tenant: (use.used, use.at_limit) for use in await usage(opened.journal.database)}
    assert shown == {"": (60.0, None), "default": (120.0, "pause")}
    assert "in 24 hours" in next(row.error for row in await rows(steps) if row.error)


async def test_what_attempts_have_spent_adds_up(opened: Runtime) -> None:
    await budget(opened, 1_000, AtLimit.PAUSE)
    await run(jobs(1), Model(plan=[TransientError("cut off")]).agent())
    assert await used() == 120.0


async def test_an_agent_that_says_nothing_has_spent_its_estimate(opened: Runtime) -> None:
    await budget(opened, 1_000, AtLimit.PAUSE)
    await run(jobs(1), Model(tokens=None).agent())
    assert await used() == ESTIMATE
    spent(tokens=1)  # outside of a step it does nothing
    assert await used() == ESTIMATE


async def test_the_estimate_counts_after_a_crash_before_settlement(
    journal_settings: Settings,
) -> None:
    """Nobody knows what the dead process spent, so all that it took is used."""
    model = Model(plan=[Killed()])
    async with crashing_runtime(journal_settings) as crashed:
        await budget(crashed, 190, AtLimit.PAUSE)
        with pytest.raises(Killed):
            await run(jobs(1), model.agent())
    async with open_runtime(journal_settings):
        await run(jobs(1), model.agent())
        assert await states() == {"job-0000": "pending"}, "90 of 190 are left"
        assert (await used(), await rows(holdings)) == (ESTIMATE, [])


@pytest.mark.parametrize("forecast, calls", [(30.0, 4), (500.0, 2)])
async def test_what_is_forecast_is_taken_if_it_is_less_than_what_is_declared(
    journal_settings: Settings, forecast: float, calls: int
) -> None:
    """Of 130 tokens four calls that use 30 each are paid, or two if the second has to leave 100 free."""
    models = cost_model(journal_settings.data, "tokens")
    promote_in(models, "c1", model_of(forecast, "write"))
    model = Model(tokens=30)
    async with open_runtime(journal_settings) as here:
        await budget(here, 130, AtLimit.PAUSE)
        await run(jobs(5), model.agent())
        assert (len(model.asked), await used()) == (calls, calls * 30.0)


@pytest.mark.parametrize("settle", ["same key", "look-up"])
async def test_an_effect_is_charged_once_if_its_process_dies_after_the_call(
    journal_settings: Settings, settle: str
) -> None:
    """The estimate counts from the death on, until another process has settled what was really spent."""
    provider, job = Provider(after={"job-0000": [Killed()]}), jobs(1)
    async with crashing_runtime(journal_settings) as crashed:
        await budget(crashed, 1_000, AtLimit.PAUSE)
        with pytest.raises(Killed):
            await run(job, paid_effect(provider, settle))
    async with open_runtime(journal_settings):
        await run(job, paid_effect(provider, settle))
        assert (await used(), await rows(holdings)) == (60.0, [])
        [step] = await rows(steps)
        assert (step.used, provider.made) == ('{"tokens":60.0}', {provider.calls[0][1]: "job-0000"})


@pytest.mark.slow
@pytest.mark.parametrize(
    "points, calls",
    [(["intended:pay"], 1), (["called:pay"], 2), (["written:pay"], 1), (["called:pay"] * 3, 4)],
)
async def test_a_killed_process_leaves_the_cost_of_an_effect_counted_once(
    journal_settings: Settings, journal_url: str, points: list[str], calls: int
) -> None:
    """SIGKILL before the call, after it, after the commit, and three times after it; then one that lives."""
    command = [sys.executable, "-m", paying_child.__name__, str(journal_settings.data), journal_url]
    for point in [*points, ""]:
        child = subprocess.run([*command, point], check=False, cwd=ROOT, timeout=120)  # noqa: ASYNC221 - nothing else runs
        assert child.returncode == (-signal.SIGKILL if point else 0)
    async with open_runtime(journal_settings):
        assert await used() == paying_child.PRICE
        [step] = await rows(steps)
        assert step.used == '{"money":60.0}'
    paid = list((journal_settings.data / "paid").iterdir())
    assert [path.read_text() for path in paid] == [str(calls)], (
        "one key, however often it is called"
    )


@pytest.mark.parametrize("longest_sleep", [1.0, -1.0], ids=["in the batch", "in a later batch"])
async def test_a_repeated_effect_is_charged_once_and_a_refused_one_not_at_all(
    opened: Runtime, monkeypatch: pytest.MonkeyPatch, longest_sleep: float
) -> None:
    """The first call times out after it has worked; the third job's is refused before anything happens."""
    monkeypatch.setattr("agents.runtime.execution.attempt.LONGEST_SLEEP", longest_sleep)
    await budget(opened, 1_000, AtLimit.PAUSE)
    provider = Provider(
        after={"job-0000": [UnknownOutcome("timed out")]},
        before={"job-0002": [PermanentError("no such address")]},
    )
    await run(jobs(3), paid_effect(provider, "same key"))
    assert (provider.count("job-0000"), await used()) == (2, 120.0)
    assert (await states())["job-0002"] == "failed"


async def test_what_a_step_has_used_is_kept_with_it_in_all_of_its_attempts(
    opened: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also without any budget, and if the item leaves its batch between them."""
    monkeypatch.setattr("agents.runtime.execution.attempt.LONGEST_SLEEP", -1.0)
    model = Model(plan=[TransientError("cut off")])
    await run(jobs(1), model.agent())
    [step] = await rows(steps)
    assert (step.status, step.used, len(model.asked)) == ("done", '{"tokens":120.0}', 2)
    assert await rows(capacities) == []


async def test_two_processes_never_exceed_a_budget_together(
    journal_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each holds its estimate while it runs, so that both together stay within 450.

    What is settled at less than its estimate may leave too little to wake who waits, who then asks again.
    """
    monkeypatch.setattr(resources, "LATEST", 0.5)
    model = Model(tokens=90)

    async def process(number: int) -> None:
        async with open_runtime(journal_settings):
            await run([Job(key=f"{number}-{n}") for n in range(8)], model.agent())

    async with open_runtime(journal_settings) as opened:
        await budget(opened, 450, AtLimit.PAUSE)
        await asyncio.gather(process(1), process(2))
        assert (await used(), len(model.asked)) == (360.0, 4), "90 are left, and a call takes 100"


async def test_a_budget_has_room_again_when_its_window_has_passed(opened: Runtime) -> None:
    await budget(opened, 100, AtLimit.PAUSE)
    model = Model(tokens=100)
    await run(jobs(2), model.agent())
    async with opened.journal.database.write() as connection:
        await connection.execute(update(quota_uses).values(until=1.0))
        await connection.execute(update(capacities).values(alerted_at=1.0))
    await change("job-0001", retry_at=1.0)
    await run(jobs(2), model.agent())
    assert len(model.asked) == 2


async def test_what_a_budget_does_at_its_limit_must_be_known(opened: Runtime) -> None:
    with pytest.raises(BadCapacity, match="pause, ask, cheaper"):
        await budget(opened, 1, "explode")
    with pytest.raises(BadCapacity, match="has a window"):
        await set_capacity(
            opened.journal, CapacitySetting("tokens", 1, at_limit="ask"), "ann", "test"
        )


def test_a_cheaper_version_states_the_same_fact_and_takes_nothing() -> None:
    @agent(READ)
    async def other(job: Job) -> Job:
        return job

    @agent(READ, takes={"tokens": 1})
    async def dear(_job: Job) -> Made:
        return Made(by="dear")

    for cheaper, text in ((other, "same fact"), (dear, "must take nothing")):
        with pytest.raises(TypeError, match=text):
            Model().agent(cheaper=cheaper)
    with pytest.raises(TypeError, match="takes nothing"):
        agent(READ, cheaper=use_template)(use_template.function)
