"""Acts of a person on one item, from the console's forms."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import RedirectResponse, Response

from deployments.gateway import item_acts
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.act_forms import FORMS, ActForm
from deployments.gateway.item_views import Act

router = APIRouter()

OPTIONS = {
    Act.DECIDE: {"verdict"},
    Act.RESTART: {"agent"},
    Act.DISCARD: {"money_stays"},
    Act.SKIP: {"branch"},
}
"""What each act needs beside its reason."""


class Pressed(BaseModel, frozen=True):
    """The form of an act: the item's sequence when the page was made, and an id that no other form has."""

    act: Act
    sequence: Annotated[int, Field(ge=0, le=2**31)]
    id: Annotated[str, Field(min_length=8, max_length=64)]
    reason: str = ""
    verdict: str = ""
    agent: str = ""
    money_stays: bool = False
    branch: bool = False
    next: Annotated[str, Field(pattern=r"^(/console/[!-~]*)?$", max_length=2_000)] = ""

    def form(self) -> ActForm:
        """What the act needs. Raises RequestValidationError."""
        wanted = {"reason"} | OPTIONS.get(self.act, set())
        try:
            return FORMS[self.act].model_validate(self.model_dump(include=wanted))
        except ValidationError as error:
            found = [one | {"loc": ("form", *one["loc"])} for one in error.errors()]
            raise RequestValidationError(found) from None


@router.post(
    "/console/acts/{workflow}/{key:path}",
    dependencies=[allow(Scope.ACT, objects="an item of the caller's tenant")],
)
async def act(
    workflow: str, key: str, pressed: Annotated[Pressed, Form()], principal: Caller
) -> Response:
    """Do it, once however often the button is pressed, and go back to the item or to `next`."""
    await item_acts.perform(
        principal,
        workflow,
        key,
        pressed.act,
        pressed.form(),
        sequence=pressed.sequence,
        idempotency_key=pressed.id,
    )
    return RedirectResponse(pressed.next or f"{path_of(workflow, key)}?done={pressed.act}", 303)


def path_of(workflow: str, key: str) -> str:
    """The address of the item's page."""
    return f"/console/items/{workflow}/{quote(key, safe='')}"
