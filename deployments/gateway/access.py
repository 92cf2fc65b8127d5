"""Access: who calls, and what each route lets whom do to which object."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends, Request

from agents.runtime.journal.api_use import User
from deployments.gateway import api_versions
from deployments.gateway.problems import Problem
from flows.workflows import WORKFLOWS


class Scope(StrEnum):
    """What a caller may do, within its own tenant."""

    SUBMIT = "submit"  # send items, and read what became of them
    READ = "read"  # read items, queues and reports
    ACT = "act"  # cancel, decide, edit, replay, discard, restart, skip; tasks of workflow files
    CHAT = "chat"  # talk as one customer, the caller's own
    OPERATE = "operate"  # queues, versions of agents, webhook endpoints
    ADMIN = "admin"  # API keys and the audit log


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: a person or a program of one tenant.

    Args:
        name: The name that audit log and histories keep.
        tenant: The tenant whose objects exist for this caller; others do not.
        scopes: What it may do.
        key: The id of its API key; empty for other credentials.
        version: The API version that its key is pinned to; empty: the newest.
        user: The customer it talks as, for the scope `chat`.

    """

    name: str
    tenant: str
    scopes: frozenset[Scope]
    key: str = ""
    version: str = ""
    user: str = ""


Authenticate = Callable[[Request], Awaitable[Principal]]
"""Who sent the request. Raises Problem, 401, for missing or bad credentials."""


@dataclass(frozen=True, slots=True)
class Access:
    """The rule of a route: one of these scopes is needed, and `objects` says what it is about.

    A route without such a rule fails the tests; `public` routes need no credentials.
    """

    scopes: frozenset[Scope]
    objects: str
    public: bool = False

    async def __call__(self, request: Request) -> Principal | None:
        """The caller, which `caller` hands to the route. Raises Problem 401 or 403."""
        if self.public:
            return None
        authenticate: Authenticate = request.app.state.authenticate
        principal = await authenticate(request)
        if not self.scopes & principal.scopes:
            wanted = " or ".join(sorted(self.scopes))
            raise Problem(
                403,
                "not-allowed",
                f"{principal.name} may not do this: the scope {wanted} is needed",
                "use a key that has it",
            )
        request.state.principal = principal
        _choose_version(request, principal)
        return principal


def _choose_version(request: Request, principal: Principal) -> None:
    """Choose the API version of the request, and count who uses it. Raises Problem 400."""
    version = api_versions.choose(request, principal.version)
    workflow = request.path_params.get("workflow", "")
    if workflow in WORKFLOWS:
        caller = principal.key or ("customers" if principal.user else principal.name)
        user = User(principal.tenant, caller, workflow, version.name)
        request.app.state.use_counter.count(user)


async def decide_early(request: Request) -> None:
    """Apply the rule of the request's route, if it has not been applied yet. Raises Problem 401 or 403.

    FastAPI parses a body before it calls dependencies: an unknown caller gets that answer, and
    nothing about the body.
    """
    if hasattr(request.state, "principal"):
        return
    for dependency in getattr(request.scope.get("route"), "dependencies", ()):
        if isinstance(dependency.dependency, Access):
            await dependency.dependency(request)


def allow(*scopes: Scope, objects: str) -> Any:
    """A dependency of a route: callers with one of these scopes may use it on these objects."""
    return Depends(Access(frozenset(scopes), objects))


def public(objects: str) -> Any:
    """A dependency of a route that anybody may use."""
    return Depends(Access(frozenset(), objects, public=True))


async def caller(request: Request) -> Principal:
    """The caller of a route that has `allow`; async, as FastAPI runs other functions in a thread each."""
    principal: Principal = request.state.principal
    return principal


Caller = Annotated[Principal, Depends(caller)]
