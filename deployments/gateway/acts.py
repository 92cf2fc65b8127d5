"""Acts on items over HTTP: cancel, decide, edit, replay, discard, restart, skip.

A key may have slashes, so the act is the last part of a path, and only acts are posted to items.
"""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from deployments.gateway.access import Caller, Principal, Scope, allow
from deployments.gateway.act_forms import (
    ActForm,
    DecideForm,
    DiscardForm,
    EditForm,
    RestartForm,
    SkipForm,
)
from deployments.gateway.api_versions import Version
from deployments.gateway.idempotency import key_of
from deployments.gateway.item_acts import ActResult, SkipResult, perform
from deployments.gateway.item_views import Act, etag
from deployments.gateway.problems import Problem

router = APIRouter(prefix="/v/{workflow}/{key:path}", tags=["acts"])

MAY_ACT = [allow(Scope.ACT, objects="an item of the caller's tenant")]
_ETAG = re.compile(r'"([0-9]{1,9})"')


def seen(if_match: str | None) -> int | None:
    """The sequence in an If-Match header; None without one, and for "*" (RFC 9110, section 13.1.1).

    Raises Problem 412 for what is no ETag of an item, as no item matches it.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise Problem(
            412,
            "changed",
            "the If-Match header is no ETag of an item",
            'send the ETag of the item as you got it, such as "7"',
            field="If-Match",
        )
    return int(found[1])


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an act: who acts on which item, and when it is void or repeated."""

    principal: Principal
    workflow: str
    key: str
    sequence: int | None
    idempotency_key: str | None
    response: Response

    async def done(self, act: Act, form: ActForm) -> ActResult:
        """Do the act; the answer has the ETag of the item right after it. Raises Problem."""
        result = await perform(
            self.principal,
            self.workflow,
            self.key,
            act,
            form,
            sequence=self.sequence,
            idempotency_key=self.idempotency_key,
        )
        self.response.headers["etag"] = etag(result.sequence)
        return result


async def _call(  # noqa: PLR0913 - parameters that all acts have
    workflow: str,
    key: str,
    principal: Caller,
    request: Request,
    response: Response,
    if_match: Annotated[
        str | None,
        Header(description="the item's ETag: nothing is done if the item has changed since"),
    ] = None,
    idempotency_key: Annotated[
        str | None, Header(description="the same for each attempt: the act is done once")
    ] = None,
) -> Call:
    _ = idempotency_key  # declared for the document; read with its own rules
    return Call(principal, workflow, key, seen(if_match), key_of(request), response)


Called = Annotated[Call, Depends(_call)]


@router.post("/cancel", dependencies=MAY_ACT)
async def cancel(form: ActForm, call: Called) -> ActResult:
    """Cancel an item: it stops before its next effect, and what was done is undone."""
    return await call.done(Act.CANCEL, form)


@router.post("/decide", dependencies=MAY_ACT)
async def decide(form: DecideForm, call: Called) -> ActResult:
    """Approve or reject an item that waits for a person."""
    return await call.done(Act.DECIDE, form)


@router.post("/edit", dependencies=MAY_ACT)
async def edit(form: EditForm, call: Called, version: Version) -> ActResult:
    """Change the body of an item that waits, or of a dead letter, which `retry` replays as well.

    The answer has the fields that changed. `body` is of the API version of the request, `fields` are
    of the newest one.
    """
    if form.body is not None:
        form = form.model_copy(update={"body": version.upcast(call.workflow, form.body)})
    return await call.done(Act.EDIT, form)


@router.post("/replay", dependencies=MAY_ACT)
async def replay(form: ActForm, call: Called) -> ActResult:
    """Let a dead letter go on where it stopped."""
    return await call.done(Act.REPLAY, form)


@router.post("/discard", dependencies=MAY_ACT)
async def discard(form: DiscardForm, call: Called) -> ActResult:
    """End a dead letter without undoing anything."""
    return await call.done(Act.DISCARD, form)


@router.post("/restart", dependencies=MAY_ACT)
async def restart(form: RestartForm, call: Called) -> ActResult:
    """Run a dead letter, or an item that waits, again from one of its agents on."""
    return await call.done(Act.RESTART, form)


@router.post("/skip", dependencies=MAY_ACT)
async def skip(form: SkipForm, call: Called) -> SkipResult:
    """End a task of a workflow file as if it were done: what needs it goes on.

    The answer to a skipped `branch` has the keys of all items that it ended.
    """
    result = await call.done(Act.SKIP, form)
    assert isinstance(result, SkipResult)
    return result
