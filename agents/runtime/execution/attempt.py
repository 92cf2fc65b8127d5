"""One agent's attempts on one item: settle an unknown outcome, call, retry, return the outcome."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextvars import copy_context
from datetime import timedelta
from functools import cache, partial
from math import inf
from typing import Any, NoReturn

from prometheus_client import Histogram

from agents.runtime.child_start import DidNotStart
from agents.runtime.clock import DeadlineExceeded, clock, within
from agents.runtime.context import BEATS_PER_LEASE, enter_tenant, runtime
from agents.runtime.errors import (
    AgentError,
    KeySpent,
    Parked,
    Pending,
    PermanentError,
    TransientError,
    UnknownOutcome,
    WrongOutcome,
)
from agents.runtime.execution.agent import AGENTS, Agent
from agents.runtime.execution.slow_calls import SlowCall
from agents.runtime.execution.spans import enter_step
from agents.runtime.journal.database import JournalLost
from agents.runtime.metrics import ERRORS, LEASES_LOST, SECONDS
from agents.runtime.model.item import (
    RENEWED,
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
from agents.runtime.model.policies import (
    LONGEST_SLEEP,
    RETRY_SCALE,
    AtMostOnce,
    Find,
    Lookup,
    SameKey,
    wait_before,
)
from agents.runtime.process_pool import PooledCall
from agents.runtime.redaction import redacted
from agents.runtime.telemetry import get_logger
from agents.runtime.testing import failpoint

log = get_logger(__name__)

AnyAgent = Agent[Any, Any]

# Seconds between two looks at an effect that is not finished, and how long its item stays in its run.
SOONEST_LOOK, LATEST_LOOK, STAYS = 1.0, 3600.0, 10.0


class LeaseLost(AgentError):
    """The lease of this process has run out: it stops, and other processes take over its items."""


class Cancelled(PermanentError):
    """An operator asked to cancel the item before its next effect began."""

    def __str__(self) -> str:
        return "cancelled on request"


class LeaseTooShort(TransientError):
    """The lease ends sooner than a call might; the item is delayed, which costs no attempt."""


class KeyRenewed(TransientError):
    """The next attempt has another key; the item is delayed for it, which costs no attempt."""


def attempt_plainly(
    agent: AnyAgent, execution: StepExecution
) -> Done | Coroutine[Any, Any, Outcome]:
    """The outcome of a plain function that succeeds; where it fails or returns an awaitable, what goes on from there.

    It is for agents with `is_plain`: a coroutine around the call takes as long as a trivial function.
    """
    decision = execution.item.decision
    if decision is not None or execution.halt is not None:
        return attempt(agent, execution)
    enter_step(execution)
    enter_tenant(execution.item.tenant)
    execution.begun = begun = clock().monotonic()
    try:
        fact = _call_plain(agent, execution)
        if hasattr(fact, "__await__"):
            return attempt(agent, execution, lambda: fact)
        failpoint(f"called:{agent.name}")
        outcome = Done(fact, agent.encode(fact))
    except Exception as error:  # noqa: BLE001 - `attempt` raises it again and knows what follows
        return attempt(agent, execution, partial(_raise, error))
    execution.ended = ended = clock().monotonic()
    _seconds(agent.name, agent.version).observe(ended - begun)
    return outcome


def _raise(error: Exception) -> None:
    raise error


async def attempt(
    agent: AnyAgent, execution: StepExecution, begun_by: Callable[[], Any] | None = None
) -> Outcome:
    """Try until the outcome is known, all attempts are used, or the item must wait for longer.

    `begun_by` returns or raises what the first call of a plain function has.
    """
    enter_step(execution)
    enter_tenant(execution.item.tenant)
    if (rejected := _rejection(agent, execution)) is not None:
        return rejected
    again = partial(_call_plain, agent, execution) if agent.is_plain else None
    begin = begun_by or again
    while True:
        plain, begin, begun = begin, again, clock().monotonic()
        execution.begun = begun if execution.begun is None else execution.begun
        try:
            fact = plain() if plain else await _settle_or_call(agent, execution)
            if hasattr(fact, "__await__"):
                async with within(_time_limit(agent, (execution,))):
                    fact = await fact
            failpoint(f"called:{agent.name}")
            presumed = execution.unknown and isinstance(agent.settle, AtMostOnce)
            return Done(fact, agent.encode(fact), presumed)
        except PermanentError as error:
            clean = not (execution.unknown or isinstance(error, WrongOutcome))
            return Failed(failure_of(agent, error), clean=clean)
        except Parked as error:
            return Waiting(str(error))
        except Pending as error:
            return _look_again(agent, execution, error)
        except (LeaseLost, JournalLost, DidNotStart):
            raise  # they say nothing about the item, which is handed back
        except Exception as error:  # noqa: BLE001 - any error affects only this item
            outcome = await _retry(agent, execution, error)
            if outcome is not None:
                return outcome
        finally:
            execution.ended = clock().monotonic()
            _seconds(agent.name, agent.version).observe(execution.ended - begun)


def _rejection(agent: AnyAgent, execution: StepExecution) -> Failed | None:
    """The outcome if a person has said no to the agent's question."""
    decision = execution.item.decision_for(agent.name)
    if decision is None or decision.approved:
        return None
    reason = f"rejected by {decision.by}: {decision.reason}"
    return Failed(Failure(agent.name, "Rejected", reason), clean=not execution.unknown)


@cache
def _seconds(agent: str, version: str) -> Histogram:
    return SECONDS.labels(agent, version)  # cached, since every item needs it


async def call(agent: AnyAgent, executions: Sequence[StepExecution]) -> list[Any]:
    """One fact for each item, by one call of a batched agent for all of them.

    Raises DeadlineExceeded if the deadline of one item has passed.
    """
    for execution in executions:
        _check_halt(execution)
    rows = [agent.arguments(execution.item, execution.key) for execution in executions]
    facts = await _called(agent, agent.columns(rows), executions)
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
        return await agent.cached(arguments, partial(_called, agent, arguments, (execution,)))
    return await _called(agent, arguments, (execution,))


def _called(
    agent: AnyAgent, arguments: list[Any], executions: Sequence[StepExecution]
) -> Coroutine[Any, Any, Any]:
    if agent.policy.process:
        return _in_process(agent, arguments, executions)
    return _call_within_limits(agent, executions, partial(agent.function, *arguments))


async def _call_within_limits(
    agent: AnyAgent, executions: Sequence[StepExecution], begin: Callable[[], Any]
) -> Any:
    """The result of what `begin` begins. A coroutine ends at its time-out or at a deadline.

    While it runs, the step may end it early or begin a second attempt (see slow_calls.py).
    """
    result = begin()
    if not hasattr(result, "__await__"):
        return result
    runtime().usual.calls[agent.name] += 1
    limit, execution = _time_limit(agent, executions), executions[0]
    try:
        async with within(limit) as timeout:
            execution.call = SlowCall(begin, limit, timeout, clock().monotonic(), copy_context())
            return await result
    except Exception as error:
        if execution.call is None or execution.call.second is None:
            raise
        return await execution.call.second_result(error)
    finally:
        call, execution.call = execution.call, None
        if call is not None and call.second is not None:
            await call.end_second()


async def _in_process(
    agent: AnyAgent, arguments: list[Any], executions: Sequence[StepExecution]
) -> Any:
    """The result from a process of its own; only deadlines bound the wait for a free core."""
    pool, seconds = runtime().process_pool, min(e.item.remaining_seconds for e in executions)
    request = PooledCall(agent.module, agent.name, agent.policy.memory, agent.packed(arguments))
    async with (
        asyncio.timeout(seconds if seconds < inf else None),
        pool.slot(_modules_with_processes),
    ):
        begin = partial(pool.run, request)
        return agent.unpacked(await _call_within_limits(agent, executions, begin))


def _modules_with_processes() -> list[str]:
    return [agent.module for agent in AGENTS.values() if agent.policy.process]


def failure_of(agent: AnyAgent, error: Exception) -> Failure:
    """The error as the journal stores it."""
    kind, cancelled = type(error).__name__, isinstance(error, Cancelled)
    return Failure(agent.name, kind, redacted(str(error)) or kind, cancelled=cancelled)


def _call_plain(agent: AnyAgent, execution: StepExecution) -> Any:
    """The result of a plain function; a coroutine around it would take as long as a trivial agent."""
    _check_halt(execution)
    return agent.function(*agent.arguments(execution.item, execution.key))


async def _settle_or_call(agent: AnyAgent, execution: StepExecution) -> Any:
    if not execution.unknown:
        _check_halt(execution)
    if not agent.policy.effect:
        return await _call_one(agent, execution)
    execution.used = None  # an attempt before this one was of the same effect, which happens once
    _check_lease(agent, execution)
    if execution.unknown and isinstance(agent.settle, AtMostOnce):
        return None
    if execution.unknown or execution.spent:
        find = _look_up_for(agent, execution)
        found = await _find(agent, execution, find) if find else None
        if found is not None:
            return found
        _check_halt(execution)
        _check_lease(agent, execution)  # once more, since the look-up took some of its time
        if find and execution.spent:
            _renew_key(agent, execution)
    return await _call_one(agent, execution)


def _look_up_for(agent: AnyAgent, execution: StepExecution) -> Find | None:
    """What asks the provider; None if the call is repeated with the same key. Raises Parked."""
    match agent.settle:
        case SameKey(horizon, find):
            expired = execution.unknown and _expired(execution, horizon)
            if find is not None:
                return find if expired or execution.spent else None
            if expired and not execution.item.decision_for(agent.name):
                raise Parked(
                    f"{agent.name}: the outcome is unknown and the key has expired: "
                    "ask the provider, then approve to repeat the call or reject"
                )
        case Lookup(find):
            return find
    return None


def _renew_key(agent: AnyAgent, execution: StepExecution) -> NoReturn:
    """Give the effect the key of the next generation, since nothing happened under this one.

    The key is journalled with the outcome of this attempt; the next attempt intends it and calls.
    """
    execution.generation += 1
    execution.key = agent.key(execution.item, execution.occurrence, execution.generation)
    execution.intended_at = clock().time()
    execution.unknown, execution.renewed = False, True
    raise KeyRenewed(f"{agent.name}: the key brings only failures, the next attempt has another")


def _check_halt(execution: StepExecution) -> None:
    """Raise if the item is cancelled or past its deadline, so that nothing new begins."""
    if execution.halt is not None:
        raise execution.halt
    if execution.item.remaining_seconds <= 0:
        raise DeadlineExceeded


def _expired(execution: StepExecution, horizon: timedelta) -> bool:
    return clock().time() - execution.intended_at > horizon.total_seconds()


async def _find(agent: AnyAgent, execution: StepExecution, find: Find) -> Any:
    # Without the item's deadline: an effect that has begun is settled even after it.
    async with within(_time_limit(agent)):
        try:
            return await find(*agent.arguments(execution.item, execution.key, find))
        except PermanentError as error:
            if not execution.unknown and not isinstance(error, WrongOutcome):
                return None  # the effect failed certainly, and that has not changed
            execution.unknown = False  # the look-up has confirmed how the effect failed
            raise


def _check_lease(agent: AnyAgent, execution: StepExecution) -> None:
    """Raise if the journal is lost, or the call might end after another process could take over."""
    runtime().journal.database.check_file()
    executions = () if execution.unknown else (execution,)
    remaining, limit = runtime().lease.remaining(), _time_limit(agent, executions)
    if remaining <= 0:
        LEASES_LOST.labels("expired").inc()
        raise LeaseLost(
            f"{agent.name}: no heartbeat has reached the journal, the lease has run out"
        )
    if remaining <= limit:
        raise LeaseTooShort(
            f"{agent.name}: this process's lease ends in {remaining:.1f} s, "
            f"sooner than a call may take ({limit:.1f} s)",
            runtime().lease.seconds / BEATS_PER_LEASE,
        )


def _time_limit(agent: AnyAgent, executions: Sequence[StepExecution] = ()) -> float:
    """Seconds that one call may take; an effect at most two thirds of the lease."""
    limits = [agent.longest, *(execution.item.remaining_seconds for execution in executions)]
    if agent.policy.effect:
        limits.append(runtime().lease.seconds * 2 / 3)
    return min(limits)


async def _retry(agent: AnyAgent, execution: StepExecution, error: Exception) -> Outcome | None:
    """The outcome that follows from an error, or None after a short wait if the call is repeated."""
    if isinstance(error, LeaseTooShort | KeyRenewed):
        return Delayed(error.retry_after or 0.0, str(error))
    execution.attempts += 1
    execution.spent = execution.spent or isinstance(error, KeySpent)
    expected = isinstance(error, TransientError | TimeoutError)
    ERRORS.labels(agent.name, agent.version, _kind(error)).inc()
    if not expected:
        log.error("agent failed unexpectedly", agent=agent.name, exc_info=error)
    if agent.policy.effect and not _certainly_failed(error):
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
    log.info("retrying", agent=agent.name, attempts=execution.attempts, wait=wait, error=str(error))
    await asyncio.sleep(wait)
    return None


def _kind(error: Exception) -> str:
    """What kind of error it is, for the metric."""
    if isinstance(error, TimeoutError):
        return "timeout"
    return "transient" if isinstance(error, TransientError) else "unexpected"


def _look_again(agent: AnyAgent, execution: StepExecution, error: Pending) -> Outcome:
    """Delay an item whose effect is not finished: the older the intent, the longer, up to an hour.

    After some time it leaves its run; the recovery takes it up when it is due.
    """
    execution.unknown = True
    age = max(clock().time() - execution.intended_at, 0.0)
    if age >= error.within.total_seconds():
        return DeadLettered(failure_of(agent, error))
    seconds = min(max(age / 2, SOONEST_LOOK), LATEST_LOOK) * RETRY_SCALE.get()
    return Delayed(seconds, str(error), leaves=age >= STAYS)


def _certainly_failed(error: Exception) -> bool:
    """Whether the class of the error says that nothing happened."""
    return isinstance(error, TransientError) and not isinstance(error, UnknownOutcome)


def apply_outcome(execution: StepExecution) -> None:
    """Update the item's facts and effects in memory with an outcome that is committed."""
    item, outcome = execution.item, execution.outcome
    if isinstance(outcome, Done):
        item.learn(outcome.fact)
    if not execution.key:
        return
    position = (execution.agent, execution.occurrence)
    match outcome:
        case Done():
            status = "done"
        case Failed(clean=True):
            status = "refused"
        case Delayed() | Waiting() if not execution.unknown:
            # Nothing happened. The item goes on in this process if another step has failed it.
            status = RENEWED if execution.renewed else "refused" if execution.spent else ""
        case _:
            status = "intended"
    if not status:
        item.effects.pop(position, None)
        return
    item.effects[position] = Effect(
        execution.key, status, execution.intended_at, execution.generation, execution.spent
    )
