"""One invocation of a function: accept what it was sent, start others, work until its deadline, answer."""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from agents.runtime.clock import clock
from agents.runtime.context import open_runtime, runtime
from agents.runtime.errors import AgentError
from agents.runtime.intake.consumer import Consumer, ConsumerOptions
from agents.runtime.journal.scale import scales
from agents.runtime.model.batch import Batch, RunStats
from agents.runtime.model.scenario import Scenario
from agents.runtime.settings import load_settings, settings
from agents.runtime.telemetry import LOGGED, get_logger
from agents.services import connect_services
from deployments.functions.accept import Acceptance, Message, accept
from deployments.functions.deadline import BatchTimes, Deadline, Remaining
from deployments.functions.declared import FUNCTIONS, Function
from flows.workflows import WORKFLOWS, Workflow

log = get_logger(__name__)

Start = Callable[[int], Awaitable[None]]
"""Starts this number of further invocations of the same function, by an API of the provider."""

IDLE_SECONDS = 0.2  # without work, after which an invocation ends: its time is paid for
MOST_BATCHES = 1_000_000  # the deadline ends an invocation, not a number
START_SECONDS = 5.0  # for the provider to start others

TIMES: dict[str, BatchTimes] = defaultdict(BatchTimes)
"""How long batches take, by function; it lives as long as the process."""


def preload() -> None:
    """Load the workflow of the deployed function, if it is declared.

    Handlers do so while they are loaded: Lambda's first ten seconds do not count for the time-out.
    """
    function = FUNCTIONS.get(load_settings().function or "")
    if function is not None:
        WORKFLOWS[function.workflow].load()


class NoTimeLeft(AgentError):
    """Connecting has used up the time of the invocation: nothing was accepted, deliver it again."""

    def __str__(self) -> str:
        return "no time is left after connecting: nothing was accepted; give the function more time"


@dataclass(frozen=True, slots=True)
class Result:
    """What an invocation did. `cut` says that its deadline ended batches, which were handed back."""

    acceptance: Acceptance
    outcomes: Counter[str] = field(default_factory=Counter)
    started: int = 0
    cut: bool = False

    def body(self) -> dict[str, Any]:
        """The answer to a request, as JSON."""
        refused = [
            {"line": one.line, "rule": one.rule, "reason": one.reason}
            for one in self.acceptance.refused
        ]
        return {
            "accepted": self.acceptance.accepted,
            "refused": refused,
            "worked": dict(self.outcomes),
            "started": self.started,
            "cut": self.cut,
        }


async def invoke(
    function: Function,
    remaining: Remaining,
    messages: Sequence[Message] = (),
    start: Start | None = None,
) -> Result:
    """Take the messages into the journal, then work on the queue until little time is left.

    With `start` it first starts as many others as the view `agent_flows_scale` wants beside it.
    Raises what `accept` raises, and NoTimeLeft: the provider then delivers the messages again.
    """
    here = settings().model_copy(update={"lease_seconds": function.lease_seconds})
    workflow = WORKFLOWS[function.workflow]
    async with open_runtime(here), connect_services(here):
        _log_to_stderr()
        workflow.load()  # first: each agent reads its own facts of an item
        # Only now, since connecting took some of the time.
        deadline = Deadline.after(remaining() - function.buffer)
        if messages and not deadline.left:
            raise NoTimeLeft
        accepted = await accept(workflow.scenario, messages)
        if accepted.refused:
            rules = Counter(one.rule for one in accepted.refused)
            log.warning("items are not accepted", function=function.name, rules=dict(rules))
        started = 0 if start is None else await _start_others(workflow.scenario, start)
        stats, cut = await _work(function, workflow, deadline)
    return Result(accepted, stats.outcomes, started, cut)


@cache
def _log_to_stderr() -> None:
    """Write the log to stderr too, which providers keep; the log file ends with the process."""
    for name in LOGGED:
        logging.getLogger(name).addHandler(logging.StreamHandler())


async def _start_others(scenario: Scenario, start: Start) -> int:
    """Start as many invocations as the view wants beside this one; returns their number."""
    found = await scales(runtime().journal.database, scenario.name, scenario.majors)
    missing = sum(max(one.wanted - one.load.consumers, 0) for one in found) - 1
    if missing <= 0:
        return 0
    try:
        async with asyncio.timeout(START_SECONDS):
            await start(missing)
    except Exception as error:  # noqa: BLE001 - this invocation works, and the next one tries again
        log.warning("no further invocations are started", wanted=missing, reason=str(error))
        return 0
    return missing


async def _work(
    function: Function, workflow: Workflow, deadline: Deadline
) -> tuple[RunStats, bool]:
    """Claim and work while a batch ends in time; whether the deadline ended one all the same."""
    times, most = TIMES[function.name], (function.timeout - function.buffer) / 2
    await times.learn(runtime().journal.database, workflow.scenario.name)

    def may_claim() -> bool:
        return deadline.allows(times.p99(most))

    if not may_claim():
        return RunStats(), False

    async def timed(batch: Batch) -> None:
        begun = clock().monotonic()
        try:
            await workflow.run(batch)
        finally:  # also where it was ended: it takes at least as long
            times.latest.append(clock().monotonic() - begun)

    options = ConsumerOptions(
        function.batch, 0.0, function.at_once, MOST_BATCHES, IDLE_SECONDS, deadline.left / 2
    )
    consumer = Consumer(workflow.scenario, timed, asyncio.sleep, options, may_claim=may_claim)
    limit = asyncio.timeout(deadline.left)
    try:
        async with limit:
            await consumer.consume()
    except TimeoutError:
        if not limit.expired():
            raise
        log.warning(
            "the deadline has ended batches, their items are handed back",
            function=function.name,
            p99=times.p99(most),
        )
        return consumer.stats, True
    return consumer.stats, False
