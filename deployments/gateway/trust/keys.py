"""API keys over HTTP: make, list, rotate and revoke those of the tenant."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import Row

from agents.runtime.journal import api_keys
from agents.runtime.journal.api_keys import NameTaken, NewKey, UnknownKey
from deployments.gateway import api_versions
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.problems import Problem
from deployments.gateway.tenancy import journal_of
from deployments.gateway.trust.credentials import forget

DAY, HOUR = 86_400.0, 3_600.0
THEIRS = "the API keys of the caller's tenant"
router = APIRouter(prefix="/keys", tags=["keys"], dependencies=[allow(Scope.ADMIN, objects=THEIRS)])

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}$")]
Reason = Annotated[str, Field(min_length=1, max_length=500)]
KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$")]


class Wanted(BaseModel, extra="forbid"):
    """A key to be made."""

    name: Name = Field(examples=["shop frontend"])
    scopes: Annotated[frozenset[Scope], Field(min_length=1)]
    customer: str = Field("", max_length=200, description="whom it talks as, for the scope chat")
    version: str = Field("", max_length=40, description="API version that it is pinned to")
    days: float | None = Field(None, gt=0, le=3_650, description="validity; none: no end")
    reason: Reason


class Rotation(BaseModel, extra="forbid"):
    """A new secret, and how long the one before stays valid."""

    overlap_hours: float = Field(24, ge=0, le=720)
    reason: Reason


class Revocation(BaseModel, extra="forbid"):
    """Why a key ends."""

    reason: Reason


class Made(BaseModel):
    """A key, which is shown this once."""

    id: str
    key: str


class Key(BaseModel):
    """What is known of a key."""

    id: str
    name: str
    scopes: list[str]
    customer: str
    version: str
    in_use: bool
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None
    previous_until: datetime | None


class Keys(BaseModel):
    """A page of keys in order of their names; `next` is the `after` of the next page."""

    keys: list[Key]
    next: str | None


@router.post("", status_code=201)
async def create(wanted: Wanted, principal: Caller, response: Response) -> Made:
    """Make a key."""
    _require_known(wanted.version)
    new = NewKey(
        *(principal.tenant, wanted.name, tuple(sorted(wanted.scopes))),
        customer=wanted.customer,
        version=wanted.version,
        seconds=None if wanted.days is None else wanted.days * DAY,
    )
    try:
        made = await api_keys.create(journal_of(principal), new, principal.name, wanted.reason)
    except NameTaken as error:
        raise Problem(409, "name-taken", str(error), field="name") from None
    return _shown_once(made, response)


@router.get("")
async def read_all(
    principal: Caller,
    after: Annotated[str, Query(max_length=64)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Keys:
    """The keys of the tenant, those that ended too."""
    found = await api_keys.keys(journal_of(principal), after, limit + 1)
    shown = [_key(row) for row in found[:limit]]
    return Keys(keys=shown, next=shown[-1].name if len(found) > limit else None)


@router.post("/{key}/rotate")
async def rotate(key: KeyId, wanted: Rotation, principal: Caller, response: Response) -> Made:
    """A new secret for the key; the one before stays valid for a while."""
    overlap = wanted.overlap_hours * HOUR
    try:
        made = await api_keys.rotate(
            journal_of(principal), key, overlap, principal.name, wanted.reason
        )
    except UnknownKey as error:
        raise _unknown(error) from None
    forget(key)
    return _shown_once(made, response)


@router.post("/{key}/revoke", status_code=204)
async def revoke(key: KeyId, wanted: Revocation, principal: Caller) -> None:
    """End the key and its sessions of the console, at once."""
    try:
        await api_keys.revoke(journal_of(principal), key, principal.name, wanted.reason)
    except UnknownKey as error:
        raise _unknown(error) from None
    forget(key)


def _require_known(version: str) -> None:
    """Raise Problem 422 for a version that a key cannot be pinned to."""
    known = api_versions.versions()
    if version and version not in known.names:
        problem = known.unknown(version)
        problem.status, problem.field = 422, "version"
        raise problem


def _unknown(error: UnknownKey) -> Problem:
    return Problem(404, "unknown-key", str(error), "look at the list of keys")


def _shown_once(made: api_keys.MadeKey, response: Response) -> Made:
    response.headers["cache-control"] = "no-store"
    return Made(id=made.id, key=made.key)


def _key(row: Row[Any]) -> Key:
    values = row._asdict()
    for name in [name for name in values if name.endswith(("_at", "_until"))]:
        at = values[name]
        values[name] = None if at is None else datetime.fromtimestamp(at, UTC)
    return Key(**{name: values[name] for name in Key.model_fields} | {"scopes": row.scopes.split()})
