"""Things at an outside system, each under a key of ours: the simplest contract that is safe to repeat.

A system of your own can speak it, and the sandbox plays it by `keyed_operations`. Every request carries
`Authorization: Bearer <token>`. Keys are percent-encoded. Bodies are JSON.

PUT    /{key}   make a thing of the body, once: the same call again answers the same
GET    /{key}   the thing, or 404
DELETE /{key}   take it back and close the key, seen or not

A thing is {"id", "status": "open" | "closed", "body"}; a register that is only asked may answer in any
form. 409 {"error": "closed"}: the key never makes anything again; {"error": "other_body"}: the key stands
for another body. 422 {"error"}: the system refuses for good. No failure is stored: under the same key a
later call may succeed.
"""

from typing import Any, Protocol
from urllib.parse import quote

from agents.runtime.errors import WrongOutcome
from agents.services.http import Answer, Body, Call, HttpApi
from agents.services.statuses import require_status
from agents.services.systems import System

PERMANENT = frozenset({409, 422})


class Register(Protocol):
    """A system that can be asked what it has under a key."""

    async def find(self, key: str) -> Body | None:
        """The thing under this key, unless there is none or the key is closed. Raises TransientError."""
        ...


class Keyed(Register, Protocol):
    """A system that makes things under keys; a closed key can never make one again."""

    async def make(self, key: str, body: Body) -> Body:
        """Make the thing; returns it. Raises Rejected, TransientError, UnknownOutcome."""
        ...

    async def close(self, key: str) -> None:
        """Take the thing back and close its key. Raises Rejected, TransientError, UnknownOutcome."""
        ...


class HttpKeyed:
    """The system at `api`."""

    def __init__(self, api: HttpApi) -> None:
        self._api = api

    async def make(self, key: str, body: Body) -> Body:
        """Make the thing; returns it.

        Raises Rejected, TransientError, UnknownOutcome, Pending, WrongOutcome.
        """
        made = (await self._change("make", "PUT", key, body)).parsed(_thing)
        require_status(f"{self._api.service} {key}", made["status"], {"open"})
        if made["body"] != body:
            raise WrongOutcome(f"{self._api.service} {key} stands for another body")
        return made

    async def find(self, key: str) -> Body | None:
        """The thing under this key, unless there is none or the key is closed. Raises TransientError."""
        answer = await self._api.read("find", _path(key), 404)
        return answer.body if answer.ok and answer.body.get("status") != "closed" else None

    async def close(self, key: str) -> None:
        """Take the thing back and close its key. Raises Rejected, TransientError, UnknownOutcome."""
        closed = (await self._change("close", "DELETE", key, None)).parsed(_thing)
        require_status(f"{self._api.service} {key}", closed["status"], {"closed"})

    async def _change(self, operation: str, method: str, key: str, body: Body | None) -> Answer:
        call = Call(operation, method, _path(key), json=body, answers=PERMANENT)
        answer = await self._api.call(call)
        if not answer.ok:
            raise answer.rejected(str(answer.body.get("error", "")))
        return answer


def keyed_system(kind: Any, name: str, sandbox: str) -> System:
    """A system that speaks this contract, for which agents ask by the type `kind`.

    It is at the URL that AGENT_FLOWS_SERVICES gives its `name`, else in the sandbox, where the operations
    of the module `sandbox` play it.
    """
    return System(kind, lambda here: HttpKeyed(here.named(name)), sandbox)


def _thing(body: Body) -> Body:
    """The thing in an answer, if the answer has all of its fields."""
    return {name: body[name] for name in ("id", "status", "body")}


def _path(key: str) -> str:
    return f"/{quote(key, safe='')}"
