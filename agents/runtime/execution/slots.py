"""Slots of the Prefect server's global concurrency limits, for as long as the server can be asked.

A limit keeps an outside system from too many calls; it must not end the work of a process. Prefect's
client repeats a request some times on 408, 429, 502, 503 and broken connections, but neither on other
5xx nor on a refused connection, and then raises. While the server gives no answer, each process keeps to
the local limit: the concurrency of the agent's policy.

Source: prefect.client.base, PrefectHttpxAsyncClient.send; prefect.concurrency.services (version 3.8.8).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError, concurrency
from prefect.settings import PREFECT_API_URL

from agents.runtime.clock import clock
from agents.runtime.errors import AgentError
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

ASK_SECONDS = 20.0  # for an answer of the server, with all retries
ASK_AGAIN_SECONDS = 2.0  # the same, after it gave none
LOCAL_SECONDS = 60.0  # for which the local limit holds before the server is asked again
RELEASE_SECONDS = 10.0
LEASE_SECONDS = 60.0  # after it the slots of a killed process are free; Prefect's shortest lease
PAUSE_SECONDS = 1.0
LONGEST_WAIT = 30.0  # between two requests for slots that others hold

OCCUPIED = 423
RETRIED = frozenset({408, 429})  # the other 4xx are the same when they are repeated
UNKNOWN = "must be created"  # Prefect's message; it raises the same class when the server fails
TOO_MANY = "greater than the limit"


class NoLimit(AgentError):
    """The server has no such concurrency limit. Without it the outside system may be overloaded."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"the Prefect server at {PREFECT_API_URL.value()} has no concurrency limit {self.name!r}: "
            "create it with `python -m deployments.apply`, "
            "or let each process limit itself with AGENT_FLOWS_CONCURRENCY=local"
        )


class LimitTooSmall(AgentError):
    """An agent takes more slots at once than the limit has, so it would never get them."""

    def __init__(self, name: str, slots: int) -> None:
        super().__init__(name, slots)
        self.name, self.slots = name, slots

    def __str__(self) -> str:
        return (
            f"the concurrency limit {self.name!r} of the Prefect server has fewer than the {self.slots} "
            "slots that one agent takes: raise it, or let each process limit itself with "
            "AGENT_FLOWS_CONCURRENCY=local"
        )


class _Server:
    """Whether the server answers requests for slots; each change is logged once."""

    def __init__(self) -> None:
        self._asked_again_at: float | None = None

    @property
    def is_left_alone(self) -> bool:
        """Whether the local limit holds, since the server gave no answer a short time ago."""
        return self._asked_again_at is not None and clock().monotonic() < self._asked_again_at

    @property
    def patience(self) -> float:
        """Seconds to wait for its answer."""
        return ASK_SECONDS if self._asked_again_at is None else ASK_AGAIN_SECONDS

    def answers(self) -> None:
        """Note that it has answered."""
        if self._asked_again_at is not None:
            log.info("the Prefect server gives slots again")
        self._asked_again_at = None

    def fails(self, limit: str, reason: str) -> None:
        """Note that it gave no answer; the local limit holds for a while."""
        if self._asked_again_at is None:
            log.warning(
                "the Prefect server gives no slots, each process limits itself",
                limit=limit,
                reason=reason,
                asked_again_every=LOCAL_SECONDS,
            )
        self._asked_again_at = clock().monotonic() + LOCAL_SECONDS


_SERVER = _Server()


@asynccontextmanager
async def server_slots(limit: str, count: int) -> AsyncIterator[None]:
    """Occupy `count` slots of the limit within the block; none if the server does not answer in time.

    Raises NoLimit and LimitTooSmall.
    """
    held = None if _SERVER.is_left_alone else await _acquired(limit, count)
    try:
        yield
    finally:
        if held is not None:
            await _release(held, limit)


async def _acquired(limit: str, count: int) -> AsyncExitStack | None:
    until = clock().monotonic() + _SERVER.patience
    while True:
        left = until - clock().monotonic()
        try:
            async with asyncio.timeout(max(left, 0)):
                held = await _ask(limit, count, left)
        except (ConcurrencySlotAcquisitionError, TimeoutError) as error:
            status = _status_of(error)
            _require_possible(error, limit, count)
            if status == OCCUPIED:
                _SERVER.answers()
                await _wait_for_others(error, limit)
                until = clock().monotonic() + _SERVER.patience
                continue
            final = status is not None and status < 500 and status not in RETRIED
            if final or clock().monotonic() + PAUSE_SECONDS >= until:
                _SERVER.fails(limit, str(error) or f"no answer within {left:.3g} s")
                return None
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            _SERVER.answers()
            return held


async def _ask(limit: str, count: int, seconds: float) -> AsyncExitStack:
    """Ask once for slots; they are occupied until the stack that is returned is closed.

    If their lease cannot be renewed, the calls go on: the policy still limits those of this process.
    """
    held = AsyncExitStack()
    slots = concurrency(
        limit,
        occupy=count,
        timeout_seconds=max(seconds, 0.001),
        max_retries=0,
        lease_duration=LEASE_SECONDS,
        strict=True,
        raise_on_lease_renewal_failure=False,
    )
    await held.enter_async_context(slots)
    return held


async def _release(held: AsyncExitStack, limit: str) -> None:
    """Give the slots back. A failure changes nothing of what was done, and their lease ends soon."""
    task = asyncio.current_task()
    cancelled_before = task.cancelling() if task else 0
    reason = ""
    try:
        async with asyncio.timeout(RELEASE_SECONDS) as patience:
            await held.aclose()
        if patience.expired():
            reason = f"no answer within {RELEASE_SECONDS:g} s"
    except Exception as error:  # noqa: BLE001 - whatever the server answers
        reason = str(error) or type(error).__name__
    if reason:
        log.warning(
            "slots were not given back, they are free when their lease ends",
            limit=limit,
            reason=reason,
            seconds=LEASE_SECONDS,
        )
    if task and task.cancelling() > cancelled_before:
        raise asyncio.CancelledError  # Prefect's release drops the cancellation of its task


def _require_possible(error: Exception, limit: str, count: int) -> None:
    if UNKNOWN in str(error):
        raise NoLimit(limit) from None
    if TOO_MANY in str(error):
        raise LimitTooSmall(limit, count) from None


async def _wait_for_others(error: Exception, limit: str) -> None:
    """Others hold the slots: each gives them back after its calls, or loses them with its lease."""
    asked = getattr(error.__cause__, "response", None)
    seconds = float(asked.headers.get("Retry-After", PAUSE_SECONDS)) if asked else PAUSE_SECONDS
    log.info("waiting for slots that others hold", limit=limit, seconds=seconds)
    await asyncio.sleep(min(seconds, LONGEST_WAIT))


def _status_of(error: Exception) -> int | None:
    """The HTTP status that the server answered with; None if it gave no answer."""
    response = getattr(error.__cause__, "response", None)
    status: int | None = getattr(response, "status_code", None)
    return status
