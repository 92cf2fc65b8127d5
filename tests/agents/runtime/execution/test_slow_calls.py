"""Calls that take longer than usual end early, or get a second attempt; a slow provider makes no storm."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from agents.runtime.clock import CLOCK
from agents.runtime.context import Runtime, runtime
from agents.runtime.errors import TransientError
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.schema import steps
from agents.runtime.model.policies import EFFECT, READ, Lookup, Policy
from agents.runtime.scheduling.call_times import CallTimes
from tests.agents.runtime.crashing_worker import straggle
from tests.agents.runtime.jobs import (
    Job,
    Made,
    effect_statuses,
    jobs,
    rows,
    run,
)

ONE = jobs(1)
QUICK = CallTimes(calls=5_000, p99=0.01, p999=0.02)
ALONE = replace(READ, second_attempt=False)

pytestmark = [
    pytest.mark.usefixtures("no_waits"),
    pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True),
]


@dataclass
class FastClock:
    """Real time, and the seconds that calls claim to have waited."""

    waited: float = 0.0

    def time(self) -> float:
        return time.time() + self.waited

    def monotonic(self) -> float:
        return time.monotonic() + self.waited


@pytest.fixture
def clock() -> Iterator[FastClock]:
    fast = FastClock()
    token = CLOCK.set(fast)
    yield fast
    CLOCK.reset(token)


@dataclass
class Hanging:
    """An outside system: its first `hanging` calls hang for `seconds`, each of the others answers."""

    clock: FastClock
    hanging: int = 1
    seconds: float = 2.0
    calls: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    async def ask(self, job: Job) -> Made:
        self.calls.append(job.key)
        number = len(self.calls)
        if number <= self.hanging:
            self.clock.waited += self.seconds
            try:
                await asyncio.sleep(60)
            finally:
                self.ended.append(job.key)
        return Made(by=f"call {number}")


def asking(hanging: Hanging, policy: Policy = ALONE, times: CallTimes | None = QUICK) -> Any:
    """The agent `ask`, of which the process knows these times."""

    @agent(policy)
    async def ask(job: Job) -> Made:
        return await hanging.ask(job)

    runtime().usual.agents["ask"].times = times
    runtime().usual.read_at = CLOCK.get().monotonic() + 1_000
    return ask


async def attempts() -> list[int]:
    return [row.attempts for row in await rows(steps)]


@pytest.mark.usefixtures("opened")
async def test_a_call_that_takes_much_longer_than_usual_ends_early(clock: FastClock) -> None:
    hanging = Hanging(clock)
    assert (await run(ONE, asking(hanging))).outcomes == {"job completed": 1}
    assert (len(hanging.calls), hanging.ended, await attempts()) == (2, ["job-0000"], [1])


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize(
    "policy, times",
    [(replace(ALONE, timeout=3.0), QUICK), (ALONE, replace(QUICK, calls=999)), (ALONE, None)],
    ids=["set by somebody", "too few calls", "unknown"],
)
async def test_nothing_ends_early_without_a_learned_timeout(
    clock: FastClock, policy: Policy, times: CallTimes | None
) -> None:
    hanging = Hanging(clock)
    going = asyncio.create_task(run(ONE, asking(hanging, policy, times)))
    await asyncio.sleep(0.3)
    assert (len(hanging.calls), hanging.ended) == (1, [])
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)


@pytest.mark.usefixtures("opened")
async def test_a_provider_that_becomes_slow_makes_no_storm_of_timeouts(clock: FastClock) -> None:
    """All of 32 calls take longer than ever: one is ended, the others go on."""
    hanging = Hanging(clock, hanging=32, seconds=0.1)
    going = asyncio.create_task(run(jobs(32), asking(hanging)))
    await asyncio.sleep(0.3)
    assert len(hanging.ended) == 1
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)


@pytest.mark.usefixtures("opened")
async def test_the_last_attempt_has_all_the_time(clock: FastClock) -> None:
    hanging = Hanging(clock, hanging=2)
    going = asyncio.create_task(run(ONE, asking(hanging, replace(ALONE, attempts=2))))
    await asyncio.sleep(0.6)
    assert (len(hanging.calls), len(hanging.ended)) == (2, 1)
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)


@pytest.mark.usefixtures("opened")
async def test_an_effect_that_ends_early_is_looked_up(clock: FastClock) -> None:
    hanging, found = Hanging(clock), Made(by="find")

    async def find(_job: Job) -> Made:
        return found

    @agent(EFFECT, settle=Lookup(find))
    async def ask(job: Job) -> Made:
        return await hanging.ask(job)

    asking(hanging)
    assert (await run(ONE, ask)).outcomes == {"job completed": 1}
    assert len(hanging.calls) == 1, "it is never called a second time beside the first"
    assert list((await effect_statuses()).values()) == ["done"]


@pytest.mark.usefixtures("opened")
async def test_the_second_attempt_of_a_straggler_counts_if_it_ends_first(clock: FastClock) -> None:
    hanging = Hanging(clock, seconds=0.1)
    result = await run(ONE, asking(hanging, READ))
    assert result.outcomes == {"job completed": 1}
    assert (len(hanging.calls), hanging.ended) == (2, ["job-0000"])
    [row] = await rows(steps)
    assert (row.attempts, row.output) == (0, '{"by":"call 2","n":0}')


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("first_fails", [True, False])
async def test_one_attempt_may_fail(clock: FastClock, first_fails: bool) -> None:
    """What one of the two raises is forgotten when the other one succeeds."""
    calls: list[str] = []
    failed = asyncio.Event()

    @agent(READ)
    async def ask(job: Job) -> Made:
        calls.append(job.key)
        number, clock.waited = len(calls), clock.waited + 0.1
        if (number == 1) == first_fails:
            await asyncio.sleep(0.5 if first_fails else 0)
            failed.set()
            raise TransientError("away")
        await failed.wait()
        await asyncio.sleep(0.1)
        return Made(by=f"call {number}")

    asking(Hanging(clock))
    assert (await run(ONE, ask)).outcomes == {"job completed": 1}
    [row] = await rows(steps)
    assert (row.attempts, len(calls)) == (0, 2)
    assert row.output == '{"by":"call %s","n":0}' % (2 if first_fails else 1)


@pytest.mark.usefixtures("opened")
async def test_both_attempts_may_fail(clock: FastClock) -> None:
    calls: list[str] = []

    @agent(replace(READ, attempts=1))
    async def ask(job: Job) -> Made:
        calls.append(job.key)
        clock.waited += 0.1
        await asyncio.sleep(0.4)
        raise TransientError(f"call {len(calls)}")

    asking(Hanging(clock))
    assert (await run(ONE, ask)).outcomes == {"dead-lettered": 1}
    assert len(calls) == 2


@pytest.mark.usefixtures("opened")
async def test_few_calls_get_a_second_attempt_when_all_are_slow(clock: FastClock) -> None:
    hanging = Hanging(clock, hanging=64, seconds=0.01)
    going = asyncio.create_task(run(jobs(32), asking(hanging, READ)))
    await asyncio.sleep(0.3)
    assert 33 <= len(hanging.calls) <= 35
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)
    assert len(hanging.ended) == len(hanging.calls), "no call outlives its step"


@pytest.mark.slow
async def test_a_cpu_call_gets_a_second_process_if_a_core_is_free(
    opened: Runtime, tmp_path: Path
) -> None:
    opened.process_pool._slots = asyncio.Semaphore(2)  # whatever this machine has
    opened.usual.agents["straggle"].times = CallTimes(5_000, 0.5, 0.6)
    opened.usual.read_at = CLOCK.get().monotonic()
    begun = time.monotonic()
    job = Job(key="one", text=str(tmp_path / "begun"))
    assert (await run([job], straggle)).outcomes == {"job completed": 1}
    assert time.monotonic() - begun < 30
    assert await attempts() == [0]


@pytest.mark.usefixtures("opened")
async def test_a_slow_call_lets_the_process_read_what_is_usual(
    clock: FastClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal says it took a second at most; the call that hangs ends soon after."""
    hanging = Hanging(clock, hanging=0)
    ask = asking(hanging, times=None)
    runtime().usual.read_at = None
    monkeypatch.setattr("agents.runtime.scheduling.call_times.ENOUGH_FOR_TIMEOUT", 20)
    await run(jobs(20), ask)
    assert runtime().usual.read_at is None, "no call was slow, so nothing was read"
    hanging.hanging = 21
    assert (await run([Job(key="slow")], ask)).outcomes == {"job completed": 1}
    assert (len(hanging.calls), hanging.ended) == (22, ["slow"])
