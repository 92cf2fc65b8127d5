"""Acts of people on one item: each happens once, on the item that the person saw, and is kept with a reason.

The API's routes and the console call `perform`. A repeated call gets the result of the first one.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field
from sqlalchemy import Row

from agents.runtime.errors import AgentError, IllegalTransition
from agents.runtime.journal import Journal, graph_actions, operator_actions
from agents.runtime.journal.database import JournalLost
from agents.runtime.journal.operator_actions import (
    ChangedSince,
    DoneBefore,
    NotReached,
    OperatorAction,
    Request,
    UnknownItem,
)
from agents.runtime.journal.queries import recent_history
from agents.runtime.model.lifecycle import State
from agents.runtime.model.scenario import ChangedMeanwhile, KeyChanged
from agents.runtime.redaction import MASK
from agents.workflow.records import InvalidRecord
from deployments.gateway import idempotency
from deployments.gateway.access import Principal
from deployments.gateway.act_forms import (
    ActForm,
    Change,
    DecideForm,
    DiscardForm,
    EditForm,
    RestartForm,
    SkipForm,
)
from deployments.gateway.item_views import (
    Act,
    ActOnAny,
    ItemView,
    etag,
    is_storable,
    summary_of,
    view,
)
from deployments.gateway.problems import Problem
from deployments.gateway.tenancy import journal_of, unknown_item, workflow_named
from flows.operations.correction import BadCorrection, Given
from flows.workflows import WORKFLOWS

ID_LENGTH = 32  # hex digits


class ActResult(BaseModel):
    """What an act did, the same for the first call and for those that repeat it."""

    workflow: str
    key: str
    act: ActOnAny
    state: State = Field(description="the item's state right after the act")
    sequence: int = Field(description="the number of the act's event; the ETag")
    repeated: bool = Field(description="whether an earlier call has done it, and this one nothing")
    changes: list[Change] = Field([], description="what an edit changes")
    runs_again: list[str] = Field([], description="the agents whose steps run again")


class SkipResult(ActResult):
    """What a skip did."""

    act: Literal[Act.SKIP]
    skipped: list[str] = Field([], description="the keys of the items that a skipped branch has")


def allowed(item: ItemView) -> Sequence[Act]:
    """The acts that are possible on the item now."""
    return [*item.allowed, *[Act.SKIP] * item.can_skip]


async def perform(  # noqa: PLR0913 - who does what to which item, and when it is void
    principal: Principal,
    workflow: str,
    key: str,
    act: Act,
    form: ActForm,
    *,
    sequence: int | None = None,
    idempotency_key: str | None = None,
) -> ActResult:
    """Do the act on an item of the caller's tenant, once.

    Args:
        principal: Who acts.
        workflow: A workflow of the registry.
        key: The item's key.
        act: What to do.
        form: The act's form, see FORMS.
        sequence: The item's sequence when the caller saw it; nothing is done to a changed item.
        idempotency_key: Chosen by the caller, the same for each attempt of one request.

    Raises Problem: 404 for an unknown item, 409 if the item does not allow the act, with the acts that it
    allows, 412 if it has changed, 422 for a form or a body that breaks a rule.

    """
    _ = workflow_named(workflow)
    if not is_storable(key):
        raise unknown_item(workflow, key)
    journal, request = (
        journal_of(principal),
        _request(principal, act, form, sequence, idempotency_key),
    )
    action = OperatorAction(
        workflow, key, principal.name, form.reason, sequence=sequence, request=request
    )
    try:
        done = await _DO[act](journal, action, form)
    except DoneBefore as error:
        if error.fingerprint != request.fingerprint:
            raise idempotency.reused() from None
        done = False
    except IllegalTransition as error:
        if not await _events(journal, action):
            raise await _not_allowed(journal, action, act, error) from None
        done = False  # pressed twice: the item has gone on since the first time
    except JournalLost:
        raise
    except AgentError as error:
        raise _problem(workflow, key, error) from None
    return await _result(journal, action, act, repeated=not done)


def _request(
    principal: Principal,
    act: Act,
    form: ActForm,
    sequence: int | None,
    idempotency_key: str | None,
) -> Request:
    """What makes two calls the same: their key, else what they ask of the same item in the same state."""
    content = _hash(principal.name, act, form.model_dump_json())
    if idempotency_key is not None:
        return Request(_hash("key", principal.name, idempotency_key), content)
    seen = "" if sequence is None else str(sequence)
    return Request(_hash("seen", content, seen), content, unique=sequence is not None)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:ID_LENGTH]


async def _cancel(journal: Journal, action: OperatorAction, _form: ActForm) -> bool:
    await operator_actions.cancel(journal, action)
    return True


async def _decide(journal: Journal, action: OperatorAction, form: ActForm) -> bool:
    assert isinstance(form, DecideForm)
    await operator_actions.decide(journal, action, approved=form.verdict == "approve")
    return True


async def _edit(journal: Journal, action: OperatorAction, form: ActForm) -> bool:
    assert isinstance(form, EditForm)
    if (form.body is None) == (form.fields is None):
        raise _invalid("body", "one-of", "give one of body and fields")
    if MASK in orjson.dumps(form.body or form.fields).decode():
        raise _invalid("body", "redacted", f"a value is {MASK}: give the value itself")
    texts = [_as_text(path, value) for path, value in (form.fields or {}).items()]
    correction = await Given(form.body, texts, None).correction(journal, action)
    found = await recent_history(journal, action.scenario, action.key, 1)
    if found is not None and found.item.state == State.DEAD_LETTERED:
        await operator_actions.mend(journal, action, correction, retry=form.retry)
    else:
        await operator_actions.edit(journal, action, correction)
    return True


def _as_text(path: str, value: Any) -> str:
    """The field as the terminal takes it: FIELD=VALUE, a text as it is and other values as JSON."""
    return f"{path}={value if isinstance(value, str) else orjson.dumps(value).decode()}"


async def _replay(journal: Journal, action: OperatorAction, _form: ActForm) -> bool:
    return await operator_actions.replay(journal, action)


async def _discard(journal: Journal, action: OperatorAction, form: ActForm) -> bool:
    assert isinstance(form, DiscardForm)
    found = await recent_history(journal, action.scenario, action.key, 1)
    if found is not None and not form.money_stays:
        held = summary_of(WORKFLOWS[action.scenario], found).held
        if held:
            raise Problem(
                409,
                "money-is-held",
                f"{action.scenario} {action.key} has {held}, and discard leaves that as it is",
                "cancel it to give the money back, or discard it with money_stays",
                field="money_stays",
            )
    await operator_actions.discard(journal, action)
    return True


async def _restart(journal: Journal, action: OperatorAction, form: ActForm) -> bool:
    assert isinstance(form, RestartForm)
    await operator_actions.restart(journal, action, form.agent)
    return True


async def _skip(journal: Journal, action: OperatorAction, form: ActForm) -> bool:
    assert isinstance(form, SkipForm)
    if not WORKFLOWS[action.scenario].scenario.has_dependencies:
        if await recent_history(journal, action.scenario, action.key, 1) is None:
            raise UnknownItem(action.scenario, action.key)
        raise Problem(
            409, "not-possible", f"no item of {action.scenario} needs another one", "cancel it"
        )
    await graph_actions.skip(journal, action, branch=form.branch)
    return True


_DO: dict[Act, Callable[[Journal, OperatorAction, ActForm], Awaitable[bool]]] = {
    Act.CANCEL: _cancel,
    Act.DECIDE: _decide,
    Act.EDIT: _edit,
    Act.REPLAY: _replay,
    Act.DISCARD: _discard,
    Act.RESTART: _restart,
    Act.SKIP: _skip,
}
"""Each does its act and returns whether it did; False if somebody else has done it before."""


async def _events(journal: Journal, action: OperatorAction) -> Sequence[Row[Any]]:
    """The events by which this request has acted on the item, in their order."""
    found = await recent_history(journal, action.scenario, action.key, 1)
    assert action.request is not None
    if found is None:
        return []
    async with journal.database.read() as connection:
        return await operator_actions.events_of_request(connection, found.item, action.request.id)


async def _result(
    journal: Journal, action: OperatorAction, act: Act, *, repeated: bool
) -> ActResult:
    """What the events of the request say of it; without one, somebody else has done the act before."""
    events, key = await _events(journal, action), action.key
    known: dict[str, Any] = {"workflow": action.scenario, "key": key, "act": act}
    known["repeated"] = repeated
    if not events:
        item = await view(journal, action.scenario, key, most=1)
        assert item is not None
        return _made(known | {"state": item.state, "sequence": item.sequence})
    facts: dict[str, Any] = {}
    for event in events:
        facts |= orjson.loads(event.detail)
    changes = _changes(facts.get("fields_before", {}), facts.get("fields_after", {}))
    found = {"changes": changes, "runs_again": facts.get("repeated", [])}
    found |= {"skipped": facts.get("skipped", [])} if act is Act.SKIP else {}
    return _made(known | found | {"state": events[-1].target, "sequence": events[-1].sequence})


def _made(values: dict[str, Any]) -> ActResult:
    result = SkipResult if values["act"] is Act.SKIP else ActResult
    return result.model_validate(values)


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    return [
        Change(field=field, before=before.get(field), after=after.get(field))
        for field in before | after
    ]


async def _not_allowed(
    journal: Journal, action: OperatorAction, act: Act, error: IllegalTransition
) -> Problem:
    item = await view(journal, action.scenario, action.key, most=1)
    acts = list(allowed(item)) if item is not None else []
    possible = f"possible now: {', '.join(acts)}" if acts else "nothing can be done to it now"
    state = State(error.state.partition(",")[0])
    return Problem(
        409,
        "not-possible",
        f"{action.scenario} {action.key} is {state}: {act} is not possible now",
        possible,
        headers={} if item is None else {"ETag": etag(item.sequence)},
        more={"state": state, "allowed": acts},
    )


def _problem(workflow: str, key: str, error: AgentError) -> Problem:
    """The answer to an act that was refused for another reason than the item's state."""
    match error:
        case UnknownItem():
            found = unknown_item(workflow, key)
        case ChangedSince() | ChangedMeanwhile():
            headers = {"ETag": etag(error.found)} if isinstance(error, ChangedSince) else {}
            advice = "look at the item as it is now, and decide again"
            found = Problem(412, "changed", str(error), advice, headers=headers)
        case InvalidRecord():
            first = error.problems[0]
            found = _invalid(first.field, first.rule, error.in_short(), first.limit)
        case BadCorrection():
            found = _invalid("fields", "unknown-field", str(error))
        case KeyChanged():
            found = _invalid("body", "key", str(error))
        case NotReached():
            found = _invalid("agent", "not-reached", str(error), ", ".join(error.reached))
        case _:  # the scenario's own: the correction comes too late, or nothing can be corrected
            found = Problem(409, "not-possible", str(error))
    return found


def _invalid(field: str, rule: str, detail: str, limit: str | int | None = None) -> Problem:
    advice = "correct it and send it again"
    return Problem(422, "invalid-act", detail, advice, field=field, rule=rule, limit=limit)
