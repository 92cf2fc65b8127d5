"""The API version of a request: its header, else the version of its key, else the newest.

Bodies of items are converted where they come in and where they go out; all code between knows the
newest form only. Sources: RFC 9745 (Deprecation), RFC 8594 (Sunset), RFC 8288 (Link).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from functools import cache
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agents.runtime.model.api_versions import Chain, chain_after
from agents.workflow.records import InvalidRecord
from deployments.gateway.problems import Problem, invalid_item
from flows.workflows import WORKFLOWS, Workflow

HEADER = "Agent-Flows-Version"
FIRST = "2026-11-22"  # every workflow as it was before its first change
_NONE = Chain()
_LONGEST_SHOWN = 40  # characters of a version that nobody knows

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class ApiVersion:
    """A dated version and its conversions.

    Args:
        name: Its date, such as "2026-11-29".
        chains: Workflow -> the changes after this version; without those that did not change.
        headers: Workflow -> the headers of its answers, which name the version and its end.

    """

    name: str
    chains: Mapping[str, Chain]
    headers: Mapping[str, Headers]

    def upcast(self, workflow: str, body: Any) -> Any:
        """The parsed body of a request in the newest form; call it before `validate`.

        Raises Problem 422 for a body without the form of this version.
        """
        chain = self.chains.get(workflow)
        if chain is None:
            return body
        try:
            return chain.upcast(body)
        except InvalidRecord as error:
            raise invalid_item(error) from None
        except Exception as error:  # any JSON comes here before it is validated
            raise Problem(
                422,
                "invalid-item",
                f"the body has not the form of version {self.name}: {type(error).__name__}",
                f"compare it with the schema of {workflow} in /openapi.json",
            ) from error

    def downcast(self, workflow: str, body: Any) -> Any:
        """An item's body, of the newest form, as this version has it: for answers and events."""
        chain = self.chains.get(workflow)
        return body if chain is None else chain.downcast(body)

    def downcast_event(self, workflow: str, data: Any) -> Any:
        """What an event says of an item, as this version has it."""
        chain = self.chains.get(workflow)
        return data if chain is None else chain.downcast_event(data)

    def headers_for(self, workflow: str) -> Headers:
        """The headers of an answer about this workflow; "" stands for all."""
        return self.headers.get(workflow) or self.headers[""]


class Versions:
    """All versions of the API: the dates of all changes, and the one before them."""

    def __init__(self, workflows: Mapping[str, Workflow]) -> None:
        self.changes = {name: found for name, one in workflows.items() if (found := one.api)}
        dates = {change.version for changes in self.changes.values() for change in changes}
        self.names = (FIRST, *sorted(dates))
        self._known = {name: self._version(name) for name in self.names}

    @property
    def newest(self) -> str:
        """The version of a caller that names none."""
        return self.names[-1]

    def of(self, name: str) -> ApiVersion:
        """The version of this name; the newest for "". Raises Problem 400 that lists those known."""
        found = self._known.get(name or self.newest)
        if found is None:
            raise self.unknown(name)
        return found

    def unknown(self, name: str) -> Problem:
        """The answer to a version that is not known, with those that are."""
        shown = name[:_LONGEST_SHOWN].encode("unicode_escape").decode("ascii")
        return Problem(
            400,
            "unknown-version",
            f"there is no API version {shown!r}",
            f"use one of {', '.join(self.names)}, or send none for the newest",
            field=HEADER,
            more={"known": list(self.names)},
        )

    def event(self, name: str, workflow: str, data: Any) -> Any:
        """What an event says of an item, for a receiver that keeps to the version of this name.

        A version that is not known any more is taken as the oldest known one after it.
        """
        return chain_after(name, self.changes.get(workflow, ())).downcast_event(data)

    def _version(self, name: str) -> ApiVersion:
        chains = {
            workflow: chain
            for workflow, changes in self.changes.items()
            if (chain := chain_after(name, changes)) != _NONE
        }
        headers = {workflow: _headers(name, chain) for workflow, chain in chains.items()}
        return ApiVersion(name, chains, headers | {"": _headers(name, _NONE)})


@cache
def versions() -> Versions:
    """The versions of the registry's workflows; also for what goes out without a request."""
    return Versions(WORKFLOWS)


def choose(request: Request, pinned: str) -> ApiVersion:
    """The version of a request whose key is pinned to `pinned`; "" is no pin. Raises Problem 400."""
    sent = request.headers.get(HEADER)
    if sent == "":
        raise versions().unknown(sent)
    name = pinned if sent is None else sent
    found = versions().of(name)
    request.state.api_version, request.state.asked_version = found, name
    return found


def asked(request: Request) -> str:
    """The version that the request or its key names; "" if that is the newest, whichever it is.

    A request that is sent again after a release is the same one, though the newest is another.
    """
    return str(request.state.asked_version)


async def _in_force(request: Request) -> ApiVersion:
    found: ApiVersion = request.state.api_version
    return found


Version = Annotated[ApiVersion, Depends(_in_force)]
"""The version of a route's request."""


class VersionHeaders:
    """Adds to each answer the version in force, and when that version ends."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})

        async def with_headers(message: Message) -> None:
            version = state.get("api_version")
            if message["type"] == "http.response.start" and version is not None:
                workflow = scope.get("path_params", {}).get("workflow", "")
                message["headers"] = [*message["headers"], *version.headers_for(workflow)]
            await send(message)

        await self.app(scope, receive, with_headers)


def _headers(name: str, chain: Chain) -> Headers:
    headers = {HEADER: name, "Vary": HEADER}
    links = []
    if chain.deprecated:
        headers["Deprecation"] = f"@{int(_midnight(chain.deprecated).timestamp())}"
        links.append('</versions>; rel="deprecation"; type="application/json"')
    if chain.sunset:
        headers["Sunset"] = format_datetime(_midnight(chain.sunset), usegmt=True)
        links.append('</versions>; rel="sunset"; type="application/json"')
    if links:
        headers["Link"] = ", ".join(links)
    return [(key.lower().encode(), value.encode()) for key, value in headers.items()]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
