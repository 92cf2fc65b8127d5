"""One agent's attempts on one item: retried within a budget, settled if the outcome is unknown."""

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from agents.runtime.context import Runtime, open_runtime, runtime
from agents.runtime.errors import (
    Parked,
    Pending,
    PermanentError,
    TransientError,
    UnknownOutcome,
    WrongOutcome,
)
from agents.runtime.execution import attempt as attempt_module
from agents.runtime.execution.agent import EffectKey
from agents.runtime.execution.attempt import LeaseLost
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.schema import effects, items, steps
from agents.runtime.model.policies import AT_MOST_ONCE, EFFECT, PURE, READ, Lookup, SameKey, Settle
from agents.runtime.settings import Settings
from agents.runtime.testing import instant_retries
from tests.agents.runtime.jobs import (
    HOUR,
    Job,
    Killed,
    Made,
    Provider,
    batch_of,
    change,
    crashing_runtime,
    dead_letter_rows,
    effect_of,
    effect_statuses,
    jobs,
    rows,
    run,
    states,
)

ONE = [Job(key="one")]


class Refused(PermanentError):
    """The effect can never succeed."""


def lookup_of(provider: Provider) -> Lookup:
    async def find(_job: Job, key: EffectKey) -> Made | None:
        return Made(by="found") if key in provider.made else None

    return Lookup(find)


def flaky(errors: list[Exception], policy: Any = READ) -> tuple[Any, list[str]]:
    """An agent without an effect that raises these errors, and the keys of its calls."""
    called: list[str] = []

    @agent(policy, version="7")
    async def read(job: Job) -> Made:
        called.append(job.key)
        if errors:
            raise errors.pop(0)
        return Made(by="read")

    return read, called


@pytest.mark.usefixtures("opened", "no_waits")
async def test_a_transient_error_is_retried() -> None:
    read, called = flaky([TransientError("busy"), TransientError("busy")])
    assert (await run(ONE, read)).outcomes == {"job completed": 1}
    assert len(called) == 3


@pytest.mark.usefixtures("opened")
async def test_a_retry_waits_for_retry_after() -> None:
    read, _ = flaky([TransientError("busy", 0.1), TransientError("busy", 0.2)])
    begun = time.monotonic()
    await run(ONE, read)
    assert time.monotonic() - begun >= 0.3


@pytest.mark.usefixtures("opened", "no_waits")
async def test_an_item_without_attempts_left_is_dead_lettered_with_its_error() -> None:
    read, called = flaky([TransientError("busy") for _ in range(9)])
    result = await run(ONE, read)
    assert result.outcomes == {"dead-lettered": 1}
    assert result.stats.reasons == {"dead-lettered": {"busy": 1}}
    assert len(called) == READ.attempts
    (letter,) = await dead_letter_rows()
    assert (letter.agent, letter.version, letter.attempts) == ("read", "7", READ.attempts)
    assert (letter.error_type, letter.error) == ("TransientError", "busy")
    assert await states() == {"one": "dead_lettered"}


@pytest.mark.slow
@pytest.mark.usefixtures("opened")
async def test_a_longer_wait_leaves_the_batch_and_keeps_its_budget() -> None:
    """Attempts outlive the process, and the item comes back when it is due."""
    read, called = flaky([TransientError("busy", 1.2), *[TransientError("no") for _ in range(9)]])
    fast = replace(READ, attempts=3, backoff=0.01)
    read.policy = fast
    begun = time.monotonic()
    assert (await run(ONE, read)).outcomes == {"dead-lettered": 1}
    assert time.monotonic() - begun >= 1.2
    assert len(called) == 3
    assert (await dead_letter_rows())[0].attempts == 3


async def test_attempts_count_over_processes(journal_settings: Settings) -> None:
    read, called = flaky([TransientError("busy", 60) for _ in range(9)])
    read.policy = replace(READ, attempts=3)
    for attempts, status in [(1, "delayed"), (2, "delayed"), (3, "failed")]:
        async with open_runtime(journal_settings):
            await change("one", retry_at=None)
            waiting = asyncio.create_task(run(ONE, read))  # for the minute to pass
            async with asyncio.timeout(20):
                while [(s.status, s.attempts) for s in await rows(steps)] != [(status, attempts)]:  # noqa: ASYNC110 - only the journal can tell
                    await asyncio.sleep(0.01)
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await waiting
    assert len(called) == 3


@pytest.mark.usefixtures("opened", "no_waits")
async def test_an_unexpected_error_without_an_effect_dead_letters_at_once() -> None:
    read, called = flaky([ValueError("bug")])
    assert (await run(ONE, read)).outcomes == {"dead-lettered": 1}
    assert called == ["one"]
    assert (await dead_letter_rows())[0].error_type == "ValueError"


@pytest.mark.usefixtures("opened", "no_waits")
async def test_a_call_is_bounded_by_its_timeout() -> None:
    @agent(replace(READ, timeout=0.05, attempts=2))
    async def sleep(_job: Job) -> Made:
        await asyncio.sleep(60)
        return Made(by="never")

    await run(ONE, sleep)
    (letter,) = await dead_letter_rows()
    assert (letter.error_type, letter.attempts) == ("TimeoutError", 2)


@pytest.mark.usefixtures("opened", "no_waits")
async def test_a_parked_item_waits_for_an_operator() -> None:
    read, called = flaky([Parked("needs approval")])
    result = await run(ONE, read)
    assert result.stats.reasons == {"waiting": {"needs approval": 1}}
    assert (await run(ONE, read)).outcomes == {"waiting": 1}
    assert await states() == {"one": "waiting"}
    assert called == ["one"]
    assert (await rows(items))[0].owner is None


@pytest.mark.usefixtures("opened", "no_waits")
@pytest.mark.parametrize("error", [UnknownOutcome("lost"), ValueError("bug"), TimeoutError()])
async def test_an_unknown_effect_is_found_and_not_repeated(
    provider: Provider, error: Exception
) -> None:
    provider.after["one"] = [error]
    make = effect_of(provider, lookup_of(provider))
    assert (await run(ONE, make)).outcomes == {"job completed": 1}
    assert provider.count("one") == 1
    assert (await rows(steps))[0].output == '{"by":"found","n":0}'


@pytest.mark.usefixtures("opened", "no_waits")
async def test_an_effect_that_is_not_found_is_repeated_with_its_key(provider: Provider) -> None:
    provider.before["one"] = [UnknownOutcome("lost")]
    make = effect_of(provider, lookup_of(provider))
    assert (await run(ONE, make)).outcomes == {"job completed": 1}
    assert provider.count("one") == 2
    assert len(provider.keys("one")) == 1


@pytest.mark.usefixtures("opened", "no_waits")
async def test_an_unknown_effect_is_repeated_with_its_key_while_the_key_lives(
    provider: Provider,
) -> None:
    provider.after["one"] = [UnknownOutcome("lost")]
    assert (await run(ONE, effect_of(provider, HOUR))).outcomes == {"job completed": 1}
    assert (provider.count("one"), len(provider.made)) == (2, 1)


@pytest.mark.usefixtures("opened", "no_waits")
async def test_an_unknown_effect_with_an_expired_key_is_parked(provider: Provider) -> None:
    provider.after["one"] = [UnknownOutcome("lost")]
    result = await run(ONE, effect_of(provider, SameKey(timedelta(0))))
    assert result.outcomes == {"waiting": 1}
    assert provider.count("one") == 1
    assert set((await effect_statuses()).values()) == {"intended"}


@pytest.mark.usefixtures("opened", "no_waits")
async def test_an_unknown_at_most_once_effect_counts_as_done(provider: Provider) -> None:
    provider.before["one"] = [UnknownOutcome("lost")]
    assert (await run(ONE, effect_of(provider, AT_MOST_ONCE))).outcomes == {"job completed": 1}
    assert provider.count("one") == 1


@pytest.mark.usefixtures("opened", "no_waits")
async def test_a_certain_refusal_is_repeated_without_settling(provider: Provider) -> None:
    provider.before["one"] = [TransientError("429")]
    assert (await run(ONE, effect_of(provider, AT_MOST_ONCE))).outcomes == {"job completed": 1}
    assert provider.count("one") == 2


@pytest.mark.usefixtures("opened")
async def test_a_refused_at_most_once_effect_is_delayed_and_then_sent(
    provider: Provider,
) -> None:
    provider.before["one"] = [TransientError("429", 1.1)]
    result = await run(ONE, effect_of(provider, AT_MOST_ONCE))
    assert result.outcomes == {"job completed": 1}
    assert len(provider.made) == 1


@pytest.mark.usefixtures("opened")
async def test_an_item_parked_before_its_effect_leaves_no_intent(provider: Provider) -> None:
    provider.before["one"] = [Parked("not today")]
    await run(ONE, effect_of(provider, AT_MOST_ONCE))
    assert await effect_statuses() == {}


async def test_a_crash_presumes_no_more_at_most_once_effects_than_calls_in_flight(
    journal_settings: Settings, provider: Provider
) -> None:
    provider.before["job-0012"] = [Killed()]
    make = effect_of(provider, AT_MOST_ONCE, policy=replace(EFFECT, concurrency=4))
    async with crashing_runtime(journal_settings):
        with pytest.raises(Killed):
            await run(jobs(40), make)
        assert 1 <= len(await effect_statuses()) <= 16
        assert list((await effect_statuses()).values()).count("intended") <= 4
    async with open_runtime(journal_settings):
        assert (await run(jobs(40), make)).outcomes == {"job completed": 40}
        statuses = await effect_statuses()
    without = statuses.keys() - provider.made.keys()
    assert 1 <= len(without) <= 4
    assert {statuses[key] for key in without} == {"unknown"}
    assert list(statuses.values()).count("unknown") <= 4
    assert max(provider.count(job.key) for job in jobs(40)) == 1


@pytest.mark.parametrize("happened", [True, False])
@pytest.mark.parametrize("settle", ["lookup", "same key", "expired", "at most once"])
async def test_a_crash_between_intent_and_outcome_is_settled_by_the_next_process(
    journal_settings: Settings, provider: Provider, settle: str, happened: bool
) -> None:
    (provider.after if happened else provider.before)["one"] = [Killed()]
    ways: dict[str, Settle] = {
        "lookup": lookup_of(provider),
        "same key": HOUR,
        "expired": HOUR,
        "at most once": AT_MOST_ONCE,
    }
    make = effect_of(provider, ways[settle])
    async with crashing_runtime(journal_settings):
        with pytest.raises(Killed):
            await run(ONE, make)
        assert set((await effect_statuses()).values()) == {"intended"}
        if settle == "expired":
            async with runtime().journal.database.write() as connection:
                await connection.execute(update(effects).values(intended_at=time.time() - 3601))
    async with open_runtime(journal_settings):
        result = await run(ONE, make)
        (item,) = await rows(items)
    assert result.outcomes == {"waiting" if settle == "expired" else "job completed": 1}
    assert item.crash_count == 1
    calls = {"lookup": 1 if happened else 2, "same key": 2, "expired": 1, "at most once": 1}
    assert provider.count("one") == calls[settle]
    assert len(provider.keys("one")) == 1, "the key is the same in every process"
    assert len(provider.made) <= 1


async def test_no_effect_begins_if_the_lease_may_end_before_the_call(
    opened: Runtime, provider: Provider
) -> None:
    batch = await batch_of(ONE)
    opened.lease._beaten = time.monotonic() - opened.lease.seconds / 2
    assert (await effect_of(provider)(batch)).count == 0
    (item,), (step,) = await rows(items), await rows(steps)
    assert (item.state, step.status, step.attempts) == ("pending", "delayed", 0)
    assert "lease ends" in step.error
    assert provider.calls == []


async def test_a_process_whose_lease_has_run_out_stops(opened: Runtime, provider: Provider) -> None:
    batch = await batch_of(ONE)
    opened.lease._beaten = time.monotonic() - opened.lease.seconds
    with pytest.raises(LeaseLost):
        await effect_of(provider)(batch)
    assert provider.calls == []


async def test_the_lease_is_checked_again_after_a_look_up(
    opened: Runtime, provider: Provider
) -> None:
    async def find(_job: Job) -> Made | None:
        opened.lease._stopped.set()
        opened.lease._beaten = time.monotonic() - opened.lease.seconds / 2
        return None

    provider.before["one"] = [UnknownOutcome("lost")]
    with instant_retries():
        await effect_of(provider, Lookup(find))(await batch_of(ONE))
    assert provider.count("one") == 1


@pytest.mark.usefixtures("opened", "no_waits")
async def test_an_agent_without_an_effect_needs_no_lease(opened: Runtime) -> None:
    opened.lease._beaten = time.monotonic() - opened.lease.seconds

    @agent(PURE)
    def see(job: Job) -> Made:
        return Made(by="see", n=job.n)

    assert (await run(jobs(3), see)).outcomes == {"job completed": 3}


def test_only_the_effect_policy_is_an_effect() -> None:
    assert EFFECT.effect
    assert not any(policy.effect for policy in (PURE, READ))


def finishing_after(looks: int, provider: Provider) -> Any:
    """An effect that is pending when it is called, and done at that look."""
    left = [looks]

    async def find(_job: Job, key: EffectKey) -> Made | None:
        left[0] -= 1
        if left[0] > 0:
            raise Pending(f"{key} is pending")
        return Made(by="found")

    @agent(EFFECT, settle=Lookup(find))
    async def begin(job: Job, key: EffectKey) -> Made:
        await provider.make(job, key)
        raise Pending(f"{key} is pending")

    return begin


@pytest.mark.usefixtures("opened", "no_waits")
async def test_an_effect_that_is_pending_is_looked_up_and_never_called_again() -> None:
    provider = Provider()
    looks = 3 * EFFECT.attempts
    assert (await run(ONE, finishing_after(looks, provider))).outcomes == {"job completed": 1}
    assert len(provider.calls) == 1


@pytest.mark.usefixtures("opened", "no_waits")
async def test_an_item_whose_effect_is_pending_for_long_leaves_its_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attempt_module, "STAYS", 0.0)
    begin = finishing_after(1, Provider())
    assert (await run(ONE, begin)).outcomes == {"pending": 1}
    assert list((await effect_statuses()).values()) == ["intended"]
    assert (await run(ONE, begin)).outcomes == {"job completed": 1}
    assert list((await effect_statuses()).values()) == ["done"]


@pytest.mark.usefixtures("opened", "no_waits")
async def test_an_effect_that_is_pending_beyond_its_bound_is_a_dead_letter() -> None:
    async def find(_job: Job) -> Made | None:
        raise AssertionError("the bound has passed")

    @agent(EFFECT, settle=Lookup(find))
    async def begin(_job: Job, _key: EffectKey) -> Made:
        raise Pending("the bank thinks", within=timedelta(0))

    assert (await run(ONE, begin)).outcomes == {"dead-lettered": 1}
    [letter] = await dead_letter_rows()
    assert (letter.error_type, letter.error) == ("Pending", "the bank thinks")


@pytest.mark.usefixtures("opened", "no_waits")
@pytest.mark.parametrize(
    "error, status", [(WrongOutcome("400 of 1000"), "intended"), (Refused("no"), "refused")]
)
async def test_an_effect_that_happened_otherwise_than_asked_stays_to_be_undone(
    error: PermanentError, status: str
) -> None:
    @agent(EFFECT, settle=HOUR)
    async def take(_job: Job, _key: EffectKey) -> Made:
        raise error

    await run(ONE, take)
    assert list((await effect_statuses()).values()) == [status]


@pytest.mark.usefixtures("opened", "no_waits")
async def test_a_failure_that_a_look_up_confirms_leaves_no_unknown_outcome() -> None:
    async def find(_job: Job) -> Made | None:
        raise Refused("it has failed")

    @agent(EFFECT, settle=Lookup(find))
    async def take(_job: Job, _key: EffectKey) -> Made:
        raise UnknownOutcome("no answer")

    await run(ONE, take)
    assert list((await effect_statuses()).values()) == ["refused"]
