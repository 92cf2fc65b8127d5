"""Calls that take longer than such calls usually do: they end early, or get a second attempt.

A step looks at its calls in flight between the commits of its groups, so that a call that is not slow
costs nothing. What is usual is read from the journal when a call is slow, at most every five minutes.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextvars import Context
from dataclasses import dataclass
from typing import Any

from agents.runtime.clock import clock, within
from agents.runtime.context import runtime
from agents.runtime.execution.agent import AGENTS, Agent
from agents.runtime.journal.call_times import read_call_times
from agents.runtime.metrics import SLOW_CALLS
from agents.runtime.model.item import StepExecution
from agents.runtime.model.policies import AtMostOnce
from agents.runtime.scheduling.call_times import LEAST_TIMEOUT, CallTimes
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

AnyAgent = Agent[Any, Any]


@dataclass(slots=True, eq=False)
class SlowCall:
    """A call in flight, which may become a slow one; `begin` makes a second attempt of it.

    It began at `begun`, a time of the monotonic clock, and ends after `limit` seconds by `timeout`.
    The second attempt runs in the same `context`, such as that of the item.
    """

    begin: Callable[[], Any]
    limit: float
    timeout: asyncio.Timeout
    begun: float
    context: Context
    second: asyncio.Task[Any] | None = None
    second_begun: float = 0.0

    def end_first(self) -> None:
        """End the first attempt now; it raises TimeoutError."""
        self.timeout.reschedule(asyncio.get_running_loop().time())

    async def second_result(self, error: Exception) -> Any:
        """The result of the second attempt, after the first one has failed with `error`.

        Raises that error if the second attempt fails too.
        """
        assert self.second is not None
        await asyncio.wait([self.second])
        if self.second.cancelled() or self.second.exception() is not None:
            raise error
        return self.second.result()

    async def end_second(self) -> None:
        """End the second attempt, so that no call outlives its step."""
        assert self.second is not None
        self.second.cancel()
        await asyncio.gather(self.second, return_exceptions=True)


def learns_timeout(agent: AnyAgent) -> bool:
    """Whether the agent's time-out is learned: nobody set one, and an attempt that ends is repeated.

    A call for a whole batch takes as long as the batch is large, so nothing is learned for it.
    """
    policy = agent.policy
    repeated = policy.attempts > 1 and not isinstance(agent.settle, AtMostOnce)
    return policy.timeout is None and repeated and not agent.batched


def has_second_attempts(agent: AnyAgent) -> bool:
    """Whether a slow call gets a second attempt: no effect, and nothing of which it would take more.

    A plain function that runs in this process cannot: nothing else runs meanwhile.
    """
    policy = agent.policy
    return policy.second_attempt and not (
        policy.effect or policy.limit or agent.batched or agent.takes
    )


async def look_at(agent: AnyAgent, executions: Iterable[StepExecution]) -> None:
    """Look at calls in flight: end those that take much too long, or begin second attempts.

    The attempt that ends first counts. The last attempt on an item ends by its policy alone.
    """
    usual, now = runtime().usual, clock().monotonic()
    slow = [e for e in executions if e.call is not None and now - e.call.begun >= LEAST_TIMEOUT]
    if slow and not usual.is_fresh(now):
        await _read_usual(now)
    times = usual.agents[agent.name].times
    if times is None:
        return
    for execution in list(executions):
        if (call := execution.call) is not None:
            seconds = clock().monotonic() - call.begun
            _look_at_one(agent, call, times, seconds, execution.attempts)


def _look_at_one(
    agent: AnyAgent, call: SlowCall, times: CallTimes, seconds: float, attempt: int
) -> None:
    patience = times.patience
    if (
        call.second is None
        and patience is not None
        and seconds >= patience
        and has_second_attempts(agent)
    ):
        _begin_second(agent, call, seconds)
    if attempt + 1 >= agent.policy.attempts or not learns_timeout(agent):
        return
    limit = times.timeout(agent.longest, attempt)
    early = runtime().usual.agents[agent.name].early_ends
    if (
        limit <= seconds - call.second_begun < call.limit
        and limit < agent.longest
        and early.is_open(runtime().usual.calls[agent.name])
    ):
        early.take()
        _count(agent, "ended")
        if call.second is not None:
            call.second.cancel()
        call.end_first()


def _begin_second(agent: AnyAgent, call: SlowCall, seconds: float) -> None:
    usual, pool = runtime().usual, runtime().process_pool
    allowed = usual.agents[agent.name].second_attempts
    has_room = not agent.policy.process or pool.has_free_core
    left = call.limit - seconds
    if not (has_room and left > 0 and allowed.is_open(usual.calls[agent.name])):
        return
    allowed.take()
    _count(agent, "second")
    call.second_begun = seconds

    async def second() -> Any:
        async with within(left):
            if not agent.policy.process:
                return await call.begin()
            async with pool.slot(list):
                return await call.begin()

    def ended(task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and task.exception() is None:
            _count(agent, "won")
            call.end_first()

    call.second = asyncio.create_task(second(), context=call.context)
    call.second.add_done_callback(ended)


def _count(agent: AnyAgent, action: str) -> None:
    SLOW_CALLS.labels(agent.name, agent.version, action).inc()


async def _read_usual(now: float) -> None:
    """Read the usual times of all agents. Without them nothing ends early, so no error is raised."""
    here = runtime()
    here.usual.read_at = now
    try:
        found = await read_call_times(here.journal.database)
    except Exception as error:  # noqa: BLE001 - the calls go on without
        log.warning("the usual times of calls cannot be read", error=str(error))
        return
    for (name, version), times in found.items():
        agent = AGENTS.get(name)
        if agent is not None and agent.version == version:
            _learn(agent, times)


def _learn(agent: AnyAgent, times: CallTimes) -> None:
    known = runtime().usual.agents[agent.name]
    before, known.times = known.times, times
    if not learns_timeout(agent):
        return
    was = agent.longest if before is None else round(before.timeout(agent.longest), 1)
    seconds = round(times.timeout(agent.longest), 1)
    if seconds != was:
        log.info(
            "time-out learned", agent=agent.name, seconds=seconds, before=was, calls=times.calls
        )
