"""The acceptance of items: from the JSON that a caller sent to its answer, for one item or for many."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

import orjson
from fastapi import Request

from agents.runtime.context import runtime
from agents.runtime.intake.needs import AboveCapacity, capacities_for, require_fit
from agents.runtime.journal.api_requests import Answer, KeyReused, Offer, RequestKey, first_answers
from agents.runtime.journal.submit import Accepted, Disposition, NewItem, Sender
from agents.runtime.model.scenario import Scenario, hash_of
from agents.runtime.scheduling.reservations import Capacity
from agents.runtime.trace_context import TraceContext
from agents.workflow.records import InvalidRecord
from deployments.gateway import bodies, idempotency
from deployments.gateway.access import Principal
from deployments.gateway.api_versions import ApiVersion
from deployments.gateway.group_commit import GroupCommit, InWork, NotCommitted
from deployments.gateway.item_views import etag
from deployments.gateway.journal_away import away
from deployments.gateway.problems import MEDIA_TYPE, Problem, invalid_item
from deployments.gateway.queue_room import QueueRoom
from deployments.gateway.request_spans import begun_by, record_accepted
from deployments.gateway.tenancy import workflow_named
from deployments.gateway.wakes import wake

PARSED_AT_ONCE = 16  # items, before others have their turn


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Accepts the items of one request, for its caller and in its API version."""

    workflow: str
    scenario: Scenario
    principal: Principal
    version: ApiVersion
    group: GroupCommit
    room: QueueRoom

    async def answers(
        self,
        requests: Sequence[tuple[bytes, RequestKey | None]],
        cause: TraceContext | None = None,
    ) -> list[Answer | Problem]:
        """The answers to items as JSON, once they are committed. The items belong to the trace of `cause`."""
        tenant, database = self.principal.tenant, self.group.database
        capacities = await capacities_for(database, self.scenario, tenant) or ()
        checked: list[tuple[NewItem, Any] | Problem] = []
        for number, (data, _) in enumerate(requests, 1):
            checked.append(self._checked(data, capacities, cause))
            if number % PARSED_AT_ONCE == 0:
                await asyncio.sleep(0)
        offered = self._offered(checked, [key for _, key in requests])
        offers = [one for one in offered if isinstance(one, Offer)]
        committed = iter(await self.group.accept(offers))
        if cause is None:
            record_accepted(self.workflow, [offer.item for offer in offers])
        known = await self._known([key for _, key in requests], offered)
        return [
            (known.get(number) or one) if isinstance(one, Problem) else _answer(next(committed))
            for number, one in enumerate(offered)
        ]

    async def _known(
        self, keys: Sequence[RequestKey | None], offered: Sequence[Offer | Problem]
    ) -> dict[int, Answer | Problem]:
        """The first answers to refused items, by their numbers: an earlier release may have taken one."""
        refused = {
            number: key
            for number, (key, one) in enumerate(zip(keys, offered, strict=True))
            if key is not None and isinstance(one, Problem)
        }
        if not refused:
            return {}
        found = await first_answers(self.group.database, list(refused.values()))
        return {n: _answer(one) for n, one in zip(refused, found, strict=True) if one is not None}

    def _offered(
        self,
        checked: Sequence[tuple[NewItem, Any] | Problem],
        keys: Sequence[RequestKey | None],
    ) -> list[Offer | Problem]:
        """The offers of the items that are valid, with their forecasts."""
        sender = Sender.of(self.principal.tenant, self.scenario)
        valid = [(one[0].body, one[1]) for one in checked if not isinstance(one, Problem)]
        forecasts = iter(runtime().forecaster.forecasts(self.scenario, sender.tenant, valid))
        return [
            one
            if isinstance(one, Problem)
            else Offer(sender, one[0].forecast_as(next(forecasts)), self._answered, key)
            for one, key in zip(checked, keys, strict=True)
        ]

    def _checked(
        self, data: bytes, capacities: Sequence[Capacity], cause: TraceContext | None
    ) -> tuple[NewItem, Any] | Problem:
        """The item that a body is, and its payload."""
        try:
            return self._validated(bodies.parsed(data), capacities, cause)
        except Problem as problem:
            return problem

    def _validated(
        self, body: dict[str, object], capacities: Sequence[Capacity], cause: TraceContext | None
    ) -> tuple[NewItem, Any]:
        """The item that a body of the caller's version is, and its payload. Raises Problem 422."""
        try:
            assert self.scenario.validate is not None
            key, text = self.scenario.validate(self.version.upcast(self.workflow, body))
        except InvalidRecord as error:
            raise invalid_item(error) from None
        payload = self.scenario.read(text, self.scenario.version)
        if capacities:
            _require_fit(self.scenario, key, payload, capacities)
        deadline = self.scenario.deadline(payload)
        within = None if deadline is None else deadline.total_seconds()
        customer = self.scenario.customer(payload) or None
        trace, traceparent = begun_by(cause)
        new = NewItem(
            *(key, text, hash_of(text), trace),
            within=within,
            customer=customer,
            traceparent=traceparent,
        )
        return new, payload

    def _answered(self, accepted: Accepted) -> Answer:
        """The answer to what became of the item; with a key, its bytes are stored."""
        key = accepted.row.key
        if accepted.disposition is Disposition.CONFLICT:
            problem = Problem(
                409,
                "conflict",
                f"{self.workflow} has another item {key!r}",
                "give a new item a key of its own, or edit the item that is there",
                more={"key": key},
            )
            body = orjson.dumps(problem.body()).decode()
            return Answer(problem.status, body, {"Content-Type": MEDIA_TYPE})
        status = f"/v/{self.workflow}/{quote(key, safe='')}"
        members: dict[str, Any] = {"workflow": self.workflow, "key": key, "status": status}
        headers = {
            "Content-Type": "application/json",
            "Location": status,
            "ETag": etag(accepted.row.sequence),
        }
        return Answer(202, orjson.dumps(members).decode(), headers)


def _require_fit(
    scenario: Scenario, key: str, payload: object, capacities: Sequence[Capacity]
) -> None:
    """Raise Problem 422 if the item needs more of a resource than there is."""
    try:
        require_fit(scenario, key, payload, capacities)
    except AboveCapacity as error:
        advice = "send an item that needs less, or ask the operator to raise the capacity"
        more = {"resource": error.resource} if error.resource else {}
        raise Problem(
            422, error.rule, str(error), advice, rule=error.rule, more=more | {"key": key}
        ) from None


def _answer(found: Answer | Exception) -> Answer | Problem:
    """The answer that the caller gets. Raises what nobody expects."""
    match found:
        case Answer():
            return found
        case KeyReused():
            return idempotency.reused()
        case InWork():
            return idempotency.in_work()
        case NotCommitted():
            return away()
    raise found


def acceptance(
    request: Request, workflow: str, principal: Principal, version: ApiVersion
) -> Acceptance:
    """What accepts items of the workflow.

    Raises Problem 404, 405, and 503 while the journal is away.
    """
    scenario = workflow_named(workflow).scenario
    if scenario.validate is None:
        raise Problem(
            405,
            "not-accepted",
            f"items of {workflow} are made by other workflows",
            headers={"Allow": "GET"},
        )
    group, room = _writer(request)
    if group.is_stuck:
        raise away()
    return Acceptance(workflow, scenario, principal, version, group, room)


def queue_room(request: Request) -> QueueRoom:
    """The room in the queues of the journal that is open now."""
    return _writer(request)[1]


def _writer(request: Request) -> tuple[GroupCommit, QueueRoom]:
    """Those of the application, for the journal that is open now."""
    state, database = request.app.state, runtime().journal.database
    found: tuple[GroupCommit, QueueRoom] | None = getattr(state, "writer", None)
    if found is None or found[0].database is not database:
        wakes = partial(wake, request.app)
        found = state.writer = (GroupCommit(database, wakes), QueueRoom(database))
    return found
