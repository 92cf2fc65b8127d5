"""The page of API keys: make, rotate and revoke those of the tenant; a key is shown once."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse, Response

from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.api_versions import versions
from deployments.gateway.console.pages import render
from deployments.gateway.trust import keys as api
from deployments.gateway.trust.keys import KeyId, Made, Name, Reason, Revocation, Rotation, Wanted

router = APIRouter()
ACCESS = allow(Scope.ADMIN, objects="the API keys of the caller's tenant")
PATH = "/console/keys"


class NewKey(BaseModel, frozen=True):
    """The form of a new key; no days: it has no end."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1)]
    customer: Annotated[str, Field(max_length=200)] = ""
    version: Annotated[str, Field(max_length=40)] = ""
    days: Annotated[float, Field(gt=0, le=3_650)] | None = None
    reason: Reason

    def wanted(self) -> Wanted:
        """The same as the API takes it."""
        return Wanted(**self.model_dump(exclude={"scopes"}), scopes=frozenset(self.scopes))


@router.get(PATH, dependencies=[ACCESS])
async def keys(
    request: Request, principal: Caller, after: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """The keys in the order of their names."""
    found = await api.read_all(principal, after)
    return render(
        request,
        "keys.html",
        keys=found.keys,
        more=found.next or "",
        first=not after,
        scopes=list(Scope),
        versions=versions().names,
    )


@router.post(PATH, dependencies=[ACCESS])
async def create(
    request: Request, form: Annotated[NewKey, Form()], principal: Caller, response: Response
) -> Response:
    """Make a key, and show it."""
    return _once(request, await api.create(form.wanted(), principal, response), form.name)


@router.post(PATH + "/{key}/rotate", dependencies=[ACCESS])
async def rotate(
    request: Request,
    key: KeyId,
    form: Annotated[Rotation, Form()],
    principal: Caller,
    response: Response,
) -> Response:
    """Give the key a new secret, and show it."""
    return _once(request, await api.rotate(key, form, principal, response), key)


@router.post(PATH + "/{key}/revoke", dependencies=[ACCESS])
async def revoke(key: KeyId, form: Annotated[Revocation, Form()], principal: Caller) -> Response:
    """End the key."""
    await api.revoke(key, form, principal)
    return RedirectResponse(PATH, 303)


def _once(request: Request, made: Made, name: str) -> Response:
    return render(request, "key_made.html", made=made, name=name)
