"""One agent's work on one item: settle what is unknown, try, try again, say how it turned out."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import cache, partial
from math import inf
from typing import Any

from prometheus_client import Histogram

from agents.runtime.batch import Effect, Failure
from agents.runtime.caching import shared
from agents.runtime.clock import clock
from agents.runtime.deadline import DeadlineExceeded, within
from agents.runtime.errors import AgentError, Parked, PermanentError, TransientError, UnknownOutcome
from agents.runtime.faultpoints import point
from agents.runtime.journal import journal
from agents.runtime.journal.owners import BEATS_PER_LEASE
from agents.runtime.outcomes import Dead, Delayed, Done, Failed, Outcome, Unit, Waits
from agents.runtime.policies import AtMostOnce, Lookup, SameKey
from agents.runtime.redaction import redacted
from agents.runtime.retries import LONGEST_SLEEP, wait_before
from agents.runtime.task import Agent
from agents.runtime.telemetry import SECONDS, enter_item, get_logger

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


async def attempt(agent: AnyAgent, unit: Unit) -> Outcome:
    """Work on one item until the outcome is known, the budget is spent or a longer wait is due."""
    enter_item(unit.item.key, unit.item.trace)
    decision = unit.item.decided(agent.name)
    if decision is not None and not decision.approved:
        reason = f"rejected by {decision.by}: {decision.reason}"
        return Failed(Failure(agent.name, "Rejected", reason), clean=not unit.unknown)
    while True:
        begun = time.perf_counter()
        try:
            fact = _inline(agent, unit) if agent.is_plain else await _settle_or_call(agent, unit)
            if hasattr(fact, "__await__"):
                fact = await _awaited(agent, fact, (unit,))
            point(f"called:{agent.name}")
            return Done(fact, agent.encode(fact))
        except PermanentError as error:
            return Failed(failure_of(agent, error), clean=not unit.unknown)
        except Parked as error:
            return Waits(str(error))
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this item alone
            outcome = await _try_again(agent, unit, error)
            if outcome is not None:
                return outcome
        finally:
            _seconds(agent.name, agent.release).observe(time.perf_counter() - begun)


@cache
def _seconds(agent: str, release: str) -> Histogram:
    return SECONDS.labels(agent, release)  # looked up once: it is asked for at every item


async def call(agent: AnyAgent, units: Sequence[Unit]) -> list[Any]:
    """One fact for each unit, by one call of a batched agent for all of them.

    Raises DeadlineExceeded if it has passed for one of them.
    """
    for unit in units:
        _check_halt(unit)
    columns = zip(*(agent.arguments(u.item, u.key) for u in units), strict=True)
    facts = await _bounded(agent, [list(column) for column in columns], units)
    if len(facts) != len(units):
        raise TypeError(
            f"{agent.name} was given {len(units)} items and returned {len(facts)} facts"
        )
    return list(facts)


async def _call_one(agent: AnyAgent, unit: Unit) -> Any:
    if agent.batched:
        return (await call(agent, [unit]))[0]
    arguments = agent.arguments(unit.item, unit.key)
    if agent.policy.keep:
        return await shared(agent, arguments, partial(_bounded, agent, arguments, (unit,)))
    return await _bounded(agent, arguments, (unit,))


async def _bounded(agent: AnyAgent, arguments: list[Any], units: Sequence[Unit]) -> Any:
    """The function's result, within the policy's timeout and the deadlines unless it runs inline."""
    if agent.policy.process:
        return await _in_process(agent, arguments, units)
    result = agent.function(*arguments)
    return await _awaited(agent, result, units) if hasattr(result, "__await__") else result


async def _awaited(agent: AnyAgent, result: Any, units: Sequence[Unit]) -> Any:
    async with within(_time_limit(agent, units)):
        return await result


async def _in_process(agent: AnyAgent, arguments: list[Any], units: Sequence[Unit]) -> Any:
    """The same in a process of its own; only the deadlines bound the wait for a free core."""
    processes, left = journal().processes, min(unit.item.left for unit in units)
    async with (
        asyncio.timeout(left if left < inf else None),
        processes.slot(),
        within(_time_limit(agent, units)),
    ):
        return await processes.run(agent, arguments)


def failure_of(agent: AnyAgent, error: Exception) -> Failure:
    """The error as the journal keeps it."""
    kind, cancelled = type(error).__name__, isinstance(error, Cancelled)
    return Failure(agent.name, kind, redacted(str(error)) or kind, cancelled=cancelled)


def _inline(agent: AnyAgent, unit: Unit) -> Any:
    """What a plain agent returns: a coroutine around it would cost as much as a trivial agent."""
    _check_halt(unit)
    return agent.function(*agent.arguments(unit.item, unit.key))


async def _settle_or_call(agent: AnyAgent, unit: Unit) -> Any:
    if not unit.unknown:
        _check_halt(unit)
    if not agent.policy.effect:
        return await _call_one(agent, unit)
    _check_lease(agent, unit)
    if unit.unknown:
        match agent.settle:
            case AtMostOnce():
                return None
            case SameKey(horizon) if _expired(unit, horizon) and not unit.item.decided(agent.name):
                raise Parked(f"{agent.name}: unknown outcome, expired key: approve to repeat it")
            case Lookup(find):
                found = await _find(agent, unit, find)
                if found is not None:
                    return found
        _check_halt(unit)
        _check_lease(agent, unit)  # a look-up has used some of it
    return await _call_one(agent, unit)


def _check_halt(unit: Unit) -> None:
    """Nothing new begins for an item that is cancelled or past its deadline."""
    if unit.halt is not None:
        raise unit.halt
    if unit.item.left <= 0:
        raise DeadlineExceeded


def _expired(unit: Unit, horizon: timedelta) -> bool:
    return clock().time() - unit.intended_at > horizon.total_seconds()


async def _find(agent: AnyAgent, unit: Unit, find: Any) -> Any:
    # What has begun is settled even after the deadline.
    async with within(_time_limit(agent)):
        return await find(*agent.arguments(unit.item, unit.key, find))


def _check_lease(agent: AnyAgent, unit: Unit) -> None:
    """No call may outlive the time in which nobody else can take the item over."""
    units = () if unit.unknown else (unit,)
    remaining, limit = journal().owner.remaining(), _time_limit(agent, units)
    if remaining <= 0:
        raise LeaseLost(f"{agent.name}: no heartbeat reached the journal, the lease has run out")
    if remaining <= limit:
        raise LeaseTooShort(
            f"{agent.name}: this process's lease ends in {remaining:.1f} s, "
            f"sooner than a call may take ({limit:.1f} s)"
        )


def _time_limit(agent: AnyAgent, units: Sequence[Unit] = ()) -> float:
    """Seconds one call may take; an effect never more than a good part of the lease."""
    limits = [agent.policy.timeout, *(unit.item.left for unit in units)]
    if agent.policy.effect:
        limits.append(journal().owner.lease * 2 / 3)
    return min(limits)


async def _try_again(agent: AnyAgent, unit: Unit, error: Exception) -> Outcome | None:
    """None after a short wait, if the call is to be repeated here and now."""
    if isinstance(error, LeaseTooShort):
        return Delayed(journal().owner.lease / BEATS_PER_LEASE, str(error))
    unit.attempts += 1
    expected = isinstance(error, TransientError | TimeoutError)
    if not expected:
        log.error("agent failed unexpectedly", agent=agent.name, exc_info=error)
    if agent.policy.effect and (isinstance(error, UnknownOutcome) or not _certain(error)):
        unit.unknown = True
    elif not expected:
        return Dead(failure_of(agent, error))
    wait = wait_before(agent.policy, unit.attempts, getattr(error, "retry_after", None))
    if not unit.unknown and unit.item.left <= wait:
        return Failed(failure_of(agent, DeadlineExceeded()), clean=True)
    if unit.attempts >= agent.policy.attempts:
        return Dead(failure_of(agent, error))
    if wait > LONGEST_SLEEP:
        return Delayed(wait, str(error))
    log.info("trying again", agent=agent.name, attempts=unit.attempts, wait=wait, error=str(error))
    await asyncio.sleep(wait)
    return None


def _certain(error: Exception) -> bool:
    """Whether the error itself says that nothing happened."""
    return isinstance(error, TransientError) and not isinstance(error, UnknownOutcome)


def remember(agent: AnyAgent, unit: Unit) -> None:
    """Keep item and effect in step with the committed outcome."""
    item, outcome, position = unit.item, unit.outcome, (unit.agent, unit.occurrence)
    if isinstance(outcome, Done):
        item.learn(outcome.fact)
    if agent.policy.effect and isinstance(outcome, Done | Failed):
        done = "done" if isinstance(outcome, Done) else "refused"
        settled = isinstance(outcome, Done) or outcome.clean
        status = done if settled else "intended"
        item.effects[position] = Effect(unit.key, status, unit.intended_at)
