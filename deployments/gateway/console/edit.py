"""The page that edits an item's body: a form made from its model, and the change before it is saved."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from agents.runtime.model.scenario import KeyChanged, Scenario
from agents.workflow.records import InvalidRecord
from deployments.gateway import item_acts, item_views
from deployments.gateway.access import Caller, Principal, Scope, allow
from deployments.gateway.act_forms import EditForm
from deployments.gateway.console.acts import path_of
from deployments.gateway.console.body_form import Asked, BodyField, asked, changed, fields_of
from deployments.gateway.console.pages import new_id, render
from deployments.gateway.item_views import Act, ItemView
from deployments.gateway.problems import Problem
from deployments.gateway.tenancy import journal_of, unknown_item, workflow_named

router = APIRouter()
ACCESS = allow(Scope.ACT, objects="the body of an item of the caller's tenant")
INPUT = "field."  # begins the names of the body's inputs


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as somebody filled it: the inputs by path, and what they ask for."""

    given: dict[str, Any] = field(default_factory=dict)
    wanted: Asked = field(default_factory=lambda: Asked({}, {}))


class Saved(BaseModel, frozen=True):
    """The confirmation: the new body as it was shown, the same at a second press."""

    sequence: Annotated[int, Field(ge=0, le=2**31)]
    id: Annotated[str, Field(min_length=8, max_length=64)]
    reason: str
    body: str
    retry: bool = False


@router.get("/console/edit/{workflow}/{key:path}", dependencies=[ACCESS])
async def edit(request: Request, workflow: str, key: str, principal: Caller) -> Response:
    """The form with the values of the body."""
    item, fields = await _editable(principal, workflow, key)
    return _form(request, item, fields, Filled())


@router.post("/console/edit/{workflow}/{key:path}", dependencies=[ACCESS])
async def preview_or_save(request: Request, workflow: str, key: str, principal: Caller) -> Response:
    """Show the change that the form asks for, or save the one that was shown."""
    form = await request.form()
    if "body" in form:
        return await _save(principal, workflow, key, form)
    item, fields = await _editable(principal, workflow, key)
    given = {name.removeprefix(INPUT): form[name] for name in form if name.startswith(INPUT)}
    wanted = asked(fields, given)
    if not wanted.wrong and wanted.changes:
        wrong = _wrong(workflow_named(workflow).scenario, key, changed(item.body, wanted.changes))
        wanted = Asked(wanted.changes, wrong)
    if wanted.wrong or not wanted.changes:
        return _form(request, item, fields, Filled(given, wanted), status=422)
    before = {one.path: one.value for one in fields}
    return render(
        request,
        "edit_preview.html",
        item=item,
        changes=wanted.changes,
        before=before,
        body=orjson.dumps(changed(item.body, wanted.changes)).decode(),
        id=new_id(),
    )


async def _editable(
    principal: Principal, workflow: str, key: str
) -> tuple[ItemView, list[BodyField]]:
    scenario = workflow_named(workflow).scenario
    item = await item_views.view(journal_of(principal), workflow, key, most=1, whole=True)
    if item is None:
        raise unknown_item(workflow, key)
    if Act.EDIT not in item.allowed:
        possible = ", ".join(item.allowed) or "nothing"
        raise Problem(
            409,
            "not-possible",
            f"{workflow} {key} is {item.state}: its body cannot be edited now",
            f"possible now: {possible}",
        )
    return item, fields_of(scenario.payload, item.body)


def _form(
    request: Request, item: ItemView, fields: list[BodyField], filled: Filled, status: int = 200
) -> Response:
    groups = dict[str, list[BodyField]]()
    for one in fields:
        groups.setdefault(one.group, []).append(one)
    wrong, paths = filled.wanted.wrong, {one.path for one in fields}
    return render(
        request,
        "edit.html",
        status,
        item=item,
        groups=groups,
        given=filled.given,
        wrong=wrong,
        general={path: text for path, text in wrong.items() if path not in paths},
        nothing=bool(filled.given) and not wrong,
    )


def _wrong(scenario: Scenario, key: str, body: dict[str, Any]) -> dict[str, str]:
    """What is wrong with the new body, by path."""
    try:
        scenario.checked(key, body)
    except InvalidRecord as error:
        return {_path(one.field): one.message for one in error.problems}
    except KeyChanged as error:
        return {"": str(error)}
    return {}


def _path(field: str) -> str:
    """The path of a field such as lines[0].sku as inputs have it."""
    return field.replace("[", ".").replace("]", "")


async def _save(principal: Principal, workflow: str, key: str, form: FormData) -> Response:
    try:
        saved = Saved.model_validate(dict(form))
        body = TypeAdapter(dict[str, Any]).validate_json(saved.body)
        edit_form = EditForm(reason=saved.reason, body=body, retry=saved.retry)
    except ValidationError:
        raise Problem(
            422, "invalid-form", "the form is incomplete", "open the item and edit it again"
        ) from None
    await item_acts.perform(
        principal,
        workflow,
        key,
        Act.EDIT,
        edit_form,
        sequence=saved.sequence,
        idempotency_key=saved.id,
    )
    return RedirectResponse(f"{path_of(workflow, key)}?done={Act.EDIT}", 303)
