"""What a part of the sandbox is made of: operations, each with a route, a subject and its work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Any

import orjson

FAULTS_HEADER = "X-Sandbox-Faults"
MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class Incoming:
    """A call as it came in; `fault` is the fault that the work itself must play, if it has any."""

    method: str
    url: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes
    fault: str = ""

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises Refusal."""
        try:
            body = orjson.loads(self.content)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Refusal(
                Reply(400, {"error": "not_json", "message": "the body is not a JSON object"})
            )
        return body


@dataclass(frozen=True, slots=True)
class Reply:
    """What a system answers."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] | None = None


class Refusal(Exception):
    """Ends the work with this reply; nothing was done."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


Subject = Callable[[Connection, Incoming], tuple[str, str]]
"""Which key and which reference a call is about: a fault script draws by them."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One route of a system and its work, done in one transaction.

    `faults` are kinds of fault that only this operation knows; its work plays them. An operation that
    is not `recorded` only prepares a test: neither the record of calls nor a fault script knows it.
    """

    name: str
    method: str
    path: str
    subject: Subject
    work: Callable[[Connection, Incoming], Reply]
    faults: tuple[str, ...] = ()
    recorded: bool = True


def by_key(_: Connection, incoming: Incoming) -> tuple[str, str]:
    """The subject of an operation whose path has a `key`."""
    return incoming.path["key"], ""


def by_none(_: Connection, __: Incoming) -> tuple[str, str]:
    """The subject of an operation that is about nothing in particular, such as a listing."""
    return "", ""


def slice_of(incoming: Incoming) -> tuple[float, str, int]:
    """What part of a listing is asked for: since when, after which key, how many. Raises Refusal."""
    asked = incoming.query
    try:
        since, limit = float(asked.get("since", "0")), int(asked.get("limit", "100"))
    except ValueError:
        since, limit = 0.0, 0
    if not 1 <= limit <= MOST_LISTED:
        text = f"since is a number, limit a whole number from 1 to {MOST_LISTED}"
        raise Refusal(Reply(400, {"error": "bad_slice", "message": text}))
    return since, asked.get("after", ""), limit
