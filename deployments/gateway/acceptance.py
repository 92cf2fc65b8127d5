"""The acceptance of items: from the JSON that a caller sent to its answer, for one item or for many."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
from fastapi import Request

from agents.runtime.context import runtime
from agents.runtime.journal.api_requests import Answer, KeyReused, Offer, RequestKey, first_answer
from agents.runtime.journal.submit import Accepted, Disposition, NewItem, Sender
from agents.runtime.model.scenario import Scenario, hash_of
from agents.runtime.telemetry import new_trace
from agents.workflow.records import InvalidRecord
from deployments.gateway import bodies, idempotency
from deployments.gateway.access import Principal
from deployments.gateway.api_versions import ApiVersion
from deployments.gateway.group_commit import GroupCommit, InWork, NotCommitted
from deployments.gateway.problems import MEDIA_TYPE, Problem
from deployments.gateway.tenancy import workflow_named

AWAY_SECONDS = 5  # after which a caller may find the journal again


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Accepts the items of one request, for its caller and in its API version."""

    workflow: str
    scenario: Scenario
    principal: Principal
    version: ApiVersion
    group: GroupCommit

    async def answer(self, data: bytes, key: RequestKey | None) -> Answer:
        """The answer to one item as JSON, once it is committed. Raises Problem."""
        sender = Sender.of(self.principal.tenant, self.scenario)
        try:
            item = self._validated(bodies.parsed(data))
        except Problem:
            known = await self._first_answer(key) if key else None
            if known is None:
                raise
            return known
        try:
            return await self.group.accept(Offer(sender, item, self._answered, key))
        except KeyReused:
            raise idempotency.reused() from None
        except InWork:
            raise idempotency.in_work() from None
        except NotCommitted:
            raise away() from None

    async def _first_answer(self, key: RequestKey) -> Answer | None:
        """The first answer, for a body that an earlier release took. Raises Problem 422."""
        try:
            return await first_answer(self.group.database, key)
        except KeyReused:
            raise idempotency.reused() from None

    def _validated(self, body: dict[str, object]) -> NewItem:
        """The item that a body of the caller's version is. Raises Problem 422."""
        try:
            assert self.scenario.validate is not None
            key, text = self.scenario.validate(self.version.upcast(self.workflow, body))
        except InvalidRecord as error:
            raise _invalid(error) from None
        payload = self.scenario.read(text, self.scenario.version)
        deadline = self.scenario.deadline(payload)
        within = None if deadline is None else deadline.total_seconds()
        customer = self.scenario.customer(payload) or None
        return NewItem(key, text, hash_of(text), new_trace(), within=within, customer=customer)

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
        told: dict[str, Any] = {"workflow": self.workflow, "key": key, "status": status}
        headers = {
            "Content-Type": "application/json",
            "Location": status,
            "ETag": f'"{accepted.row.sequence}"',
        }
        return Answer(202, orjson.dumps(told).decode(), headers)


def acceptance(
    request: Request, workflow: str, principal: Principal, version: ApiVersion
) -> Acceptance:
    """What accepts items of the workflow. Raises Problem 404, 405, and 503 while the journal is away."""
    scenario = workflow_named(workflow).scenario
    if scenario.validate is None:
        raise Problem(
            405,
            "not-accepted",
            f"items of {workflow} are made by other workflows",
            headers={"Allow": "GET"},
        )
    group = _group_commit(request)
    try:
        group.check()
    except NotCommitted:
        raise away() from None
    return Acceptance(workflow, scenario, principal, version, group)


def away() -> Problem:
    """The answer while the journal cannot be reached: the item may be stored, or not."""
    return Problem(
        503,
        "journal-away",
        "the journal cannot be reached now, so nobody knows whether the item is accepted",
        "send it again with the same Idempotency-Key; what was accepted is recognised",
        headers={"Retry-After": str(AWAY_SECONDS)},
    )


def _group_commit(request: Request) -> GroupCommit:
    """The one of the application, for the journal that is open now."""
    state, database = request.app.state, runtime().journal.database
    found: GroupCommit | None = getattr(state, "group_commit", None)
    if found is None or found.database is not database:
        found = state.group_commit = GroupCommit(database)
    return found


def _invalid(error: InvalidRecord) -> Problem:
    first = error.problems[0]
    listed = [
        {"field": one.field, "rule": one.rule, "limit": one.limit, "message": one.message}
        for one in error.problems
    ]
    return Problem(
        422,
        "invalid-item",
        error.in_short(),
        "correct the fields and send it again",
        field=first.field,
        rule=first.rule,
        limit=first.limit,
        more={"errors": listed},
    )
