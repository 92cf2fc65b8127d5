"""Which spans there are of items: their claims, steps and notices, and those of batches.

An item keeps its trace whatever process works on it. The span of its claim is named by trace, key and fence,
so that the next claim links to it although another process made it. The steps of an item belong to its
claim. A batch has a trace of its own, with a span for each step and the commits within; claims link to it.
No span has data of items beside their keys, which logs have as well.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Row

from agents.runtime.clock import clock
from agents.runtime.execution.agent import Agent
from agents.runtime.model.batch import Batch, BatchContext
from agents.runtime.model.item import OUTCOME_WORDS, DeadLettered, Done, Failed, Item, StepExecution
from agents.runtime.telemetry import Work, enter, within
from agents.runtime.trace_context import (
    TraceContext,
    claim_of,
    new_span,
    new_trace,
    read_traceparent,
)
from agents.runtime.tracing import (
    Attributes,
    Link,
    Recorder,
    Scope,
    Span,
    new_root,
    recorder,
    spanning,
)

AnyAgent = Agent[Any, Any]


def work_on(item: Item, inside: TraceContext | None = None) -> Work:
    """The work on an item, within this span or that of its claim."""
    return Work(item.key, item.trace, inside or item.traced, item.tenant, item.scenario)


def enter_step(execution: StepExecution) -> None:
    """Bind a step on an item to the log lines and calls of this task; they belong to its span."""
    item = execution.item
    if recorder() is not None and item.traced is not None and item.traced.sampled:
        execution.span = execution.span or new_span()
        enter(work_on(item, TraceContext(item.traced.trace, execution.span)))
    else:
        enter(work_on(item))


@contextmanager
def batch_span(
    context: BatchContext, items: Sequence[Item], rows: Mapping[int, Row[Any]]
) -> Iterator[None]:
    """The spans of the claims of these items, and of their batch around the block.

    The steps of a batch of one belong to the item alone.
    """
    to = recorder()
    if to is None or not items:
        yield
        return
    root = new_root(new_trace(), new_span()) if len(items) > 1 else None
    begun = clock().time()
    for item in items:
        _record_claim(to, item, rows[item.id], root)
    context.traced = root or items[0].traced
    try:
        yield
    finally:
        if root is not None and root.sampled:
            attributes: Attributes = {"agent_flows.items": len(items)}
            name = f"{context.scenario.name} batch"
            to.record(Span(name, root, None, begun, clock().time(), "CONSUMER", attributes))


def _record_claim(to: Recorder, item: Item, row: Row[Any], batch: TraceContext | None) -> None:
    cause = read_traceparent(row.traceparent)
    claim = claim_of(item.trace, item.key, row.fence, row.traceparent)
    item.traced = claim if cause else claim._replace(sampled=to.samples(item.trace))
    if not item.traced.sampled:
        return
    links = [Link(batch)] if batch is not None and batch.sampled else []
    first, now = row.fence == 1, clock().time()
    if not first:
        before = claim_of(item.trace, item.key, row.fence - 1)
        links.append(Link(before, {"agent_flows.waited_for": _waited_for(row)}))
    elif cause is not None:
        links.append(Link(cause, {"agent_flows.waited_for": "queue"}))
    attributes: Attributes = {"agent_flows.item": item.key, "agent_flows.tenant": item.tenant}
    begun = min(row.accepted_at, now) if first else now
    name = f"{item.scenario} claim"
    to.record(Span(name, claim, cause, begun, now, "CONSUMER", attributes, links))


def _waited_for(row: Row[Any]) -> str:
    """What an item that was claimed before has waited for."""
    if row.decision:
        return "person"
    return "another process" if row.crash_count else "retry"


@contextmanager
def step_span(agent: AnyAgent, batch: Batch) -> Iterator[None]:
    """The span of an agent's step on a batch; commits of the journal belong to it."""
    traced, count = batch.context.traced, batch.count
    if traced is None or recorder() is None or not count:
        yield
        return
    if count == 1 and (items := list(batch.peek())) and items[0].traced == traced:
        with within(traced):
            yield
        return
    with spanning(agent.name, traced, scope=_scope(agent.name, agent.version)) as attributes:
        attributes["agent_flows.items"] = count
        yield


def record_steps(scenario: str, executions: Iterable[StepExecution]) -> None:
    """The spans of steps on items whose outcomes are committed."""
    to = recorder()
    if to is None:
        return
    now, monotonic = clock().time(), clock().monotonic()
    offset = now - monotonic
    for execution in executions:
        traced = execution.item.traced
        if traced is None or not traced.sampled:
            continue
        begun = now if execution.begun is None else execution.begun + offset
        ended = now if execution.ended is None else execution.ended + offset
        context = TraceContext(traced.trace, execution.span or new_span())
        span = Span(execution.agent, context, traced, begun, ended)
        span.scope = _scope(execution.agent, execution.version, scenario)
        if not isinstance(execution.outcome, Done) or execution.attempts:
            _describe(span, execution)
        execution.span = ""  # another attempt is another span
        to.record(span)


def _describe(span: Span, execution: StepExecution) -> None:
    """What is not so in the ordinary case; each attribute costs as much as a tenth of a span."""
    outcome = execution.outcome
    span.attributes["agent_flows.outcome"] = OUTCOME_WORDS.get(type(outcome), "")
    span.attributes["agent_flows.attempts"] = execution.attempts
    if isinstance(outcome, Failed | DeadLettered):
        span.error = outcome.failure.error_type


def record_ends(items: Iterable[Item]) -> None:
    """The spans of the ends of items, with their outcomes."""
    to = recorder()
    if to is None:
        return
    now = clock().time()
    for item in items:
        if item.traced is not None and item.traced.sampled:
            name, attributes = f"{item.scenario} end", Attributes()
            attributes["agent_flows.outcome"] = item.outcome or item.state.value
            to.record(
                Span(name, item.traced.child(), item.traced, now, now, "INTERNAL", attributes)
            )


@cache
def _scope(agent: str, version: str, scenario: str = "") -> Scope:
    """The agent as the scope of its spans: sent once for many of them."""
    attributes = (("agent_flows.scenario", scenario),) if scenario else ()
    return Scope(f"agent_flows.{agent}", version, attributes)
