"""One agent's work on one item: settle what is unknown, try, try again, say how it turned out."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import cache, partial
from math import inf
from typing import Any

from prometheus_client import Histogram

from agents.runtime.clock import DeadlineExceeded, clock, within
from agents.runtime.context import BEATS_PER_LEASE, runtime
from agents.runtime.errors import AgentError, Parked, PermanentError, TransientError, UnknownOutcome
from agents.runtime.execution.agent import AGENTS, Agent
from agents.runtime.model.item import (
    DeadLettered,
    Delayed,
    Done,
    Effect,
    Failed,
    Failure,
    Outcome,
    StepExecution,
    Waiting,
)
from agents.runtime.model.policies import LONGEST_SLEEP, AtMostOnce, Lookup, SameKey, wait_before
from agents.runtime.process_pool import PooledCall
from agents.runtime.redaction import redacted
from agents.runtime.telemetry import SECONDS, enter_item, get_logger
from agents.runtime.testing import failpoint

log = get_logger(__name__)

AnyAgent = Agent[Any, Any]


class LeaseLost(AgentError):
    """The process has lost all it held: it must stop, others take over."""


class Cancelled(PermanentError):
    """Somebody asked to cancel the item, and nothing that began before has got the better of it."""

    def __str__(self) -> str:
        return "cancelled on request"


class LeaseTooShort(TransientError):
    """The process may lose its items before a call would be over; that costs no attempt."""


async def attempt(agent: AnyAgent, execution: StepExecution) -> Outcome:
    """Work on one item until the outcome is known, the budget is spent or a longer wait is due."""
    enter_item(execution.item.key, execution.item.trace)
    decision = execution.item.decision_for(agent.name)
    if decision is not None and not decision.approved:
        reason = f"rejected by {decision.by}: {decision.reason}"
        return Failed(Failure(agent.name, "Rejected", reason), clean=not execution.unknown)
    while True:
        begun = time.perf_counter()
        try:
            fact = (
                _inline(agent, execution)
                if agent.is_plain
                else await _settle_or_call(agent, execution)
            )
            if hasattr(fact, "__await__"):
                async with within(_time_limit(agent, (execution,))):
                    fact = await fact
            failpoint(f"called:{agent.name}")
            return Done(fact, agent.encode(fact))
        except PermanentError as error:
            return Failed(failure_of(agent, error), clean=not execution.unknown)
        except Parked as error:
            return Waiting(str(error))
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this item alone
            outcome = await _try_again(agent, execution, error)
            if outcome is not None:
                return outcome
        finally:
            _seconds(agent.name, agent.version).observe(time.perf_counter() - begun)


@cache
def _seconds(agent: str, version: str) -> Histogram:
    return SECONDS.labels(agent, version)  # looked up once: it is asked for at every item


async def call(agent: AnyAgent, executions: Sequence[StepExecution]) -> list[Any]:
    """One fact for each item, by one call of a batched agent for all of them.

    Raises DeadlineExceeded if it has passed for one of them.
    """
    for execution in executions:
        _check_halt(execution)
    rows = [agent.arguments(one.item, one.key) for one in executions]
    facts = await _call_within_limits(agent, agent.columns(rows), executions)
    if len(facts) != len(executions):
        raise TypeError(
            f"{agent.name} was given {len(executions)} items and returned {len(facts)} facts"
        )
    return list(facts)


async def _call_one(agent: AnyAgent, execution: StepExecution) -> Any:
    if agent.batched:
        return (await call(agent, [execution]))[0]
    arguments = agent.arguments(execution.item, execution.key)
    if agent.policy.cache_seconds:
        return await agent.cached(
            arguments, partial(_call_within_limits, agent, arguments, (execution,))
        )
    return await _call_within_limits(agent, arguments, (execution,))


async def _call_within_limits(
    agent: AnyAgent, arguments: list[Any], executions: Sequence[StepExecution]
) -> Any:
    """The function's result, within the policy's timeout and the deadlines unless it runs inline."""
    if agent.policy.process:
        return await _in_process(agent, arguments, executions)
    result = agent.function(*arguments)
    if not hasattr(result, "__await__"):
        return result
    async with within(_time_limit(agent, executions)):
        return await result


async def _in_process(
    agent: AnyAgent, arguments: list[Any], executions: Sequence[StepExecution]
) -> Any:
    """The same in a process of its own; only the deadlines bound the wait for a free core."""
    pool, left = runtime().process_pool, min(one.item.remaining_seconds for one in executions)
    request = PooledCall(agent.module, agent.name, agent.policy.memory, agent.packed(arguments))
    async with (
        asyncio.timeout(left if left < inf else None),
        pool.slot(_modules_of_processes),
        within(_time_limit(agent, executions)),
    ):
        return agent.unpacked(await pool.run(request))


def _modules_of_processes() -> list[str]:
    return [agent.module for agent in AGENTS.values() if agent.policy.process]


def failure_of(agent: AnyAgent, error: Exception) -> Failure:
    """The error as the journal keeps it."""
    kind, cancelled = type(error).__name__, isinstance(error, Cancelled)
    return Failure(agent.name, kind, redacted(str(error)) or kind, cancelled=cancelled)


def _inline(agent: AnyAgent, execution: StepExecution) -> Any:
    """What a plain agent returns: a coroutine around it would cost as much as a trivial agent."""
    _check_halt(execution)
    return agent.function(*agent.arguments(execution.item, execution.key))


async def _settle_or_call(agent: AnyAgent, execution: StepExecution) -> Any:
    if not execution.unknown:
        _check_halt(execution)
    if not agent.policy.effect:
        return await _call_one(agent, execution)
    _check_lease(agent, execution)
    if execution.unknown:
        match agent.settle:
            case AtMostOnce():
                return None
            case SameKey(horizon) if _expired(
                execution, horizon
            ) and not execution.item.decision_for(agent.name):
                raise Parked(f"{agent.name}: unknown outcome, expired key: approve to repeat it")
            case Lookup(find):
                found = await _find(agent, execution, find)
                if found is not None:
                    return found
        _check_halt(execution)
        _check_lease(agent, execution)  # a look-up has used some of it
    return await _call_one(agent, execution)


def _check_halt(execution: StepExecution) -> None:
    """Nothing new begins for an item that is cancelled or past its deadline."""
    if execution.halt is not None:
        raise execution.halt
    if execution.item.remaining_seconds <= 0:
        raise DeadlineExceeded


def _expired(execution: StepExecution, horizon: timedelta) -> bool:
    return clock().time() - execution.intended_at > horizon.total_seconds()


async def _find(agent: AnyAgent, execution: StepExecution, find: Any) -> Any:
    # What has begun is settled even after the deadline.
    async with within(_time_limit(agent)):
        return await find(*agent.arguments(execution.item, execution.key, find))


def _check_lease(agent: AnyAgent, execution: StepExecution) -> None:
    """No call may outlive the time in which nobody else can take the item over."""
    executions = () if execution.unknown else (execution,)
    remaining, limit = runtime().lease.remaining(), _time_limit(agent, executions)
    if remaining <= 0:
        raise LeaseLost(f"{agent.name}: no heartbeat reached the journal, the lease has run out")
    if remaining <= limit:
        raise LeaseTooShort(
            f"{agent.name}: this process's lease ends in {remaining:.1f} s, "
            f"sooner than a call may take ({limit:.1f} s)"
        )


def _time_limit(agent: AnyAgent, executions: Sequence[StepExecution] = ()) -> float:
    """Seconds one call may take; an effect never more than a good part of the lease."""
    limits = [agent.policy.timeout, *(execution.item.remaining_seconds for execution in executions)]
    if agent.policy.effect:
        limits.append(runtime().lease.seconds * 2 / 3)
    return min(limits)


async def _try_again(agent: AnyAgent, execution: StepExecution, error: Exception) -> Outcome | None:
    """None after a short wait, if the call is to be repeated here and now."""
    if isinstance(error, LeaseTooShort):
        return Delayed(runtime().lease.seconds / BEATS_PER_LEASE, str(error))
    execution.attempts += 1
    expected = isinstance(error, TransientError | TimeoutError)
    if not expected:
        log.error("agent failed unexpectedly", agent=agent.name, exc_info=error)
    if agent.policy.effect and (isinstance(error, UnknownOutcome) or not _certain(error)):
        execution.unknown = True
    elif not expected:
        return DeadLettered(failure_of(agent, error))
    wait = wait_before(agent.policy, execution.attempts, getattr(error, "retry_after", None))
    if not execution.unknown and execution.item.remaining_seconds <= wait:
        return Failed(failure_of(agent, DeadlineExceeded()), clean=True)
    if execution.attempts >= agent.policy.attempts:
        return DeadLettered(failure_of(agent, error))
    if wait > LONGEST_SLEEP:
        return Delayed(wait, str(error))
    log.info(
        "trying again", agent=agent.name, attempts=execution.attempts, wait=wait, error=str(error)
    )
    await asyncio.sleep(wait)
    return None


def _certain(error: Exception) -> bool:
    """Whether the error itself says that nothing happened."""
    return isinstance(error, TransientError) and not isinstance(error, UnknownOutcome)


def remember(agent: AnyAgent, execution: StepExecution) -> None:
    """Keep item and effect in step with the committed outcome."""
    item, outcome, position = (
        execution.item,
        execution.outcome,
        (execution.agent, execution.occurrence),
    )
    if isinstance(outcome, Done):
        item.learn(outcome.fact)
    if agent.policy.effect and isinstance(outcome, Done | Failed):
        done = "done" if isinstance(outcome, Done) else "refused"
        settled = isinstance(outcome, Done) or outcome.clean
        status = done if settled else "intended"
        item.effects[position] = Effect(execution.key, status, execution.intended_at)
