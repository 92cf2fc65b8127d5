"""One item as people and programs see it: its state, what it waits for, its history, and what is allowed.

Texts are without personal data, except in the body for callers who may edit it.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, Field, WithJsonSchema
from sqlalchemy import Row

from agents.runtime.errors import MissingExtra
from agents.runtime.execution.rehydrate import rehydrate_whole
from agents.runtime.journal import Journal
from agents.runtime.journal.item_eta import item_eta
from agents.runtime.journal.queries import ItemHistory, recent_history
from agents.runtime.journal.submit import Claimed
from agents.runtime.model.lifecycle import TRANSITIONS, Event, State
from agents.runtime.model.scenario import Summary, no_summary
from agents.runtime.redaction import redacted
from deployments.gateway.forecast_views import (
    CostForecast,
    EtaView,
    ForecastView,
    costs_of,
    item_done,
    of_item,
)
from deployments.gateway.item_events import Happening, Moment, json_of, timeline
from deployments.gateway.item_waits import Wait, needed_items, wait_of
from flows.cli.next_steps import possible
from flows.cli.reports import flow_run_page
from flows.workflows import WORKFLOWS, Workflow

EVENTS = 100  # of a page of the time line
MOST_EVENTS = 500


class Act(StrEnum):
    """What a person can do to an item."""

    CANCEL = "cancel"
    DECIDE = "decide"
    EDIT = "edit"
    REPLAY = "replay"
    DISCARD = "discard"
    RESTART = "restart"
    SKIP = "skip"


ON_ANY = tuple(act for act in Act if act is not Act.SKIP)
ActOnAny = Annotated[Act, WithJsonSchema({"type": "string", "enum": list(ON_ANY)})]
"""One of the acts that callers knew before there were skips: another value might be too much for them."""


class Stage(BaseModel):
    """One step of an agent."""

    agent: str
    occurrence: int
    version: str
    status: str
    failed_attempts: int
    at: Moment = Field(description="when it ended, or was last tried")
    seconds: float = Field(description="from its beginning until then")
    output: Any = None
    error: str = ""
    used: dict[str, float] = Field({}, description="what it used of quotas, as its agent says")


class EffectView(BaseModel):
    """A call to an outside system that changes something there."""

    agent: str
    occurrence: int
    key: str = Field(description="the idempotency key that the outside system got")
    status: str
    called_at: Moment
    generation: int
    result: Any = Field(None, description="what the system answered, with its own ids")


class NoticeView(BaseModel):
    """A message about the end of an item."""

    topic: str
    channel: str
    status: str
    attempts: int
    at: Moment
    retry_at: Moment | None = None
    error: str = ""


class DeadLetterView(BaseModel):
    """Why an item could not be finished."""

    status: str
    at: Moment
    agent: str
    version: str
    error_type: str
    error: str
    attempts: int
    times: int = Field(description="how often it became a dead letter")
    mended: bool = Field(description="whether its body was edited after that")


class FlowRun(BaseModel):
    """A flow run whose process held the item; `page` is its address in Prefect's UI."""

    id: str
    page: str


class ItemView(BaseModel):
    """One item."""

    workflow: str
    key: str
    tenant: str
    version: str
    state: State
    outcome: str | None
    sequence: int = Field(description="the number of its last event; the ETag")
    priority: str
    trace: str
    accepted_at: Moment
    ended_at: Moment | None
    deadline: Moment | None
    cancel_requested: bool
    pruned: bool = Field(description="whether its details have been deleted")
    amount: str
    customer: str
    customer_id: str | None
    held: str = Field(description="what is held of the customer's money")
    allowed: list[ActOnAny] = Field(description="the acts that are possible now, but for a skip")
    can_skip: bool = Field(False, description="whether it can be skipped now")
    restart_at: list[str] = Field(description="agents at which it can be restarted")
    waits: Wait | None
    forecast: ForecastView | None = Field(None, description="none where it was not forecast")
    eta: EtaView | None = Field(None, description="when it is done; none if it has ended")
    costs: list[CostForecast] = Field([], description="what it was expected to use")
    failure: str = Field(description="why it cannot be completed")
    dead_letter: DeadLetterView | None
    stages: list[Stage]
    effects: list[EffectView]
    notices: list[NoticeView]
    flow_runs: list[FlowRun]
    timeline: list[Happening] = Field(description="events, the newest first")
    earlier: int | None = Field(description="give it as `before` for the events before these")
    body: Any


def is_storable(text: str) -> bool:
    """Whether both databases can hold the text: without NUL and lone surrogates (RFC 3629, section 3)."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def etag(sequence: int) -> str:
    """The ETag of an item with this sequence."""
    return f'"{sequence}"'


async def view(  # noqa: PLR0913 - which item, and which part of it
    journal: Journal,
    workflow: str,
    key: str,
    *,
    before: int | None = None,
    most: int = EVENTS,
    whole: bool = False,
    timed: bool = False,
) -> ItemView | None:
    """One item of the journal's tenant; None if there is no such item.

    Args:
        journal: The journal of the caller's tenant.
        workflow: A workflow of the registry.
        key: The item's key.
        before: A sequence; the time line has only earlier events.
        most: Events of the time line at most, 1 to 500.
        whole: Whether the body has personal data, for callers who may edit it.
        timed: Whether to say when it is done, which looks into its queue.

    """
    most = min(most, MOST_EVENTS)
    if not is_storable(key):
        return None
    found = await recent_history(journal, workflow, key, most + 1, before)
    if found is None:
        return None
    shown = _view(WORKFLOWS[workflow], found, most, whole=whole)
    if shown.waits is not None and found.item.state == State.WAITING:
        shown.waits.needs = await needed_items(journal, found)
    if timed:
        shown.eta = item_done(await item_eta(journal.database, found))
    return shown


def _view(workflow: Workflow, found: ItemHistory, most: int, *, whole: bool) -> ItemView:
    item, shown = found.item, found.history[:most]
    summary = summary_of(workflow, found)
    reached = list(dict.fromkeys(step.agent for step in found.steps))
    allowed = _allowed(workflow, found)
    return ItemView(
        workflow=item.scenario,
        key=item.key,
        tenant=item.tenant,
        version=item.version,
        state=item.state,
        outcome=item.outcome,
        sequence=item.sequence,
        priority=item.priority,
        trace=item.trace,
        accepted_at=item.accepted_at,
        ended_at=item.ended_at,
        deadline=item.deadline,
        cancel_requested=item.cancel_requested,
        pruned=found.is_pruned,
        amount=summary.amount,
        customer=summary.customer,
        customer_id=item.customer,
        held=summary.held,
        allowed=allowed,
        can_skip=not found.is_pruned and _can_be_skipped(workflow, item),
        restart_at=reached if Act.RESTART in allowed else [],
        waits=wait_of(found),
        forecast=of_item(item),
        costs=costs_of(item),
        failure=redacted(json_of(item.failure).get("error", "")),
        dead_letter=_dead_letter(found.letter),
        stages=list(_stages(found)),
        effects=list(_effects(found)),
        notices=[_notice(row) for row in found.notices],
        flow_runs=list(_flow_runs(shown)),
        timeline=list(timeline(found.history, most)),
        earlier=shown[-1].sequence if len(found.history) > most else None,
        body=_value(item.body if whole else redacted(item.body)) if item.body else None,
    )


def summary_of(workflow: Workflow, found: ItemHistory) -> Summary:
    """What the scenario says of the item; empty for an item that this process cannot read."""
    try:
        scenario = workflow.scenario.of(found.item.version) or workflow.scenario
        if scenario.summary is no_summary:
            return Summary()  # without loading the agents
        workflow.load()  # each agent reads its own facts of an item
    except MissingExtra:  # the gateway need not have what only the workflow's consumers need
        return Summary()
    claimed = Claimed(found.item, list(found.steps), list(found.effects))
    item, is_readable = rehydrate_whole(scenario, claimed)
    return scenario.summary(item) if is_readable else Summary()


def _can_edit(workflow: Workflow) -> bool:
    try:
        return workflow.scenario.validate is not None
    except MissingExtra:
        return False


ACTS = {
    "approve": Act.DECIDE,
    "replay": Act.REPLAY,
    "mend": Act.EDIT,
    "edit": Act.EDIT,
    "restart": Act.RESTART,
    "cancel": Act.CANCEL,
    "discard": Act.DISCARD,
}
"""The commands of the terminal as acts."""


def _allowed(workflow: Workflow, found: ItemHistory) -> list[Act]:
    """The acts that the item's state allows, but for a skip, in the order of `Act`."""
    item, letter = found.item, found.letter
    if found.is_pruned:
        return []
    failed = letter is not None and letter.status == "open"
    names = possible(State(item.state), waits=item.waiting_since is not None, failed=failed)
    acts = {ACTS[name] for name in names if name in ACTS}
    if item.owner is not None:  # a process works on it, and stops only for a cancellation
        acts &= {Act.CANCEL}
    if item.cancel_requested:
        acts -= {Act.CANCEL}
    if not _can_edit(workflow):
        acts -= {Act.EDIT}
    if not found.steps:
        acts -= {Act.RESTART}
    return [act for act in ON_ANY if act in acts]


def _can_be_skipped(workflow: Workflow, item: Row[Any]) -> bool:
    """Whether other items may need this one, and it is at rest."""
    try:
        needed = workflow.scenario.has_dependencies
    except MissingExtra:
        return False
    return needed and item.owner is None and (State(item.state), Event.SKIP) in TRANSITIONS


def _stages(found: ItemHistory) -> Iterator[Stage]:
    """Each step with its time: from the call of its effect, or from what ended before it."""
    called = {(row.agent, row.occurrence): row.intended_at for row in found.effects}
    ends = sorted([row.at for row in found.history] + [row.at for row in found.steps])
    for row in found.steps:
        earlier = [at for at in ends if at < row.at]
        begun = called.get((row.agent, row.occurrence)) or (earlier[-1] if earlier else row.at)
        yield Stage(
            agent=row.agent,
            occurrence=row.occurrence,
            version=row.version,
            status=row.status,
            failed_attempts=row.attempts,
            at=row.at,
            seconds=max(row.at - begun, 0.0),
            output=_value(redacted(row.output)) if row.output else None,
            error=redacted(row.error or ""),
            used=orjson.loads(row.used) if row.used else {},
        )


def _effects(found: ItemHistory) -> Iterator[EffectView]:
    outputs = {(row.agent, row.occurrence): row.output for row in found.steps}
    for row in found.effects:
        output = outputs.get((row.agent, row.occurrence))
        yield EffectView(
            agent=row.agent,
            occurrence=row.occurrence,
            key=row.key,
            status=row.status,
            called_at=row.intended_at,
            generation=row.generation,
            result=_value(redacted(output)) if output else None,
        )


def _value(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _notice(row: Row[Any]) -> NoticeView:
    return NoticeView(
        topic=row.topic,
        channel=row.channel,
        status=row.status,
        attempts=row.attempts,
        at=row.at,
        retry_at=row.retry_at,
        error=redacted(row.error or ""),
    )


def _dead_letter(row: Row[Any] | None) -> DeadLetterView | None:
    if row is None:
        return None
    return DeadLetterView(
        status=row.status,
        at=row.at,
        agent=row.agent,
        version=row.version,
        error_type=row.error_type,
        error=redacted(row.error),
        attempts=row.attempts,
        times=row._mapping["count"],  # noqa: SLF001 - a row has a method of this name
        mended=row.original is not None,
    )


def _flow_runs(events: Sequence[Row[Any]]) -> Iterator[FlowRun]:
    runs = [row.owner.rpartition("@")[2] for row in events if row.owner and "@" in row.owner]
    for run in dict.fromkeys(reversed(runs)):
        yield FlowRun(id=run, page=flow_run_page(run))
