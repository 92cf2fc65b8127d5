"""What the client hands over; each has the whole answer as `data`, with all that the gateway said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployments.client.errors import GatewayError

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Accepted:
    """An item is accepted: it will be processed, whatever happens."""

    workflow: str
    key: str
    status: str
    data: Data = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, data: Data) -> "Accepted":
        """The accepted item of an answer."""
        return cls(data["workflow"], data["key"], data["status"], data)


@dataclass(frozen=True, slots=True)
class LineAnswer:
    """The answer to one of many items: accepted, or the error that this item alone has.

    `index` is its place among the items that were sent, from 0.
    """

    index: int
    accepted: Accepted | None = None
    error: GatewayError | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """What became of an item. `etag` is for an act that must not hit a changed item."""

    workflow: str
    key: str
    state: str
    outcome: str | None
    etag: str = ""
    data: Data = field(default_factory=dict, repr=False)

    @property
    def body(self) -> Any:
        """The item's body in the API version of the client; None in a list, or if it was deleted."""
        return self.data.get("body")

    @classmethod
    def of(cls, workflow: str, data: Data, etag: str = "") -> "Item":
        """The item of an answer."""
        return cls(workflow, data["key"], data["state"], data.get("outcome"), etag, data)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of a conversation: `state` is waiting, answered, silent (a person answers) or failed."""

    conversation: str
    number: int
    state: str
    reply: str
    citations: tuple[str, ...] = ()

    @classmethod
    def of(cls, data: Data) -> "Turn":
        """The turn of an answer."""
        cited = tuple(data.get("citations", ()))
        return cls(
            data["conversation"], data["number"], data["state"], data.get("reply", ""), cited
        )


@dataclass(frozen=True, slots=True)
class Event:
    """A server-sent event; `data` is parsed JSON."""

    name: str
    data: Any
    id: str = ""
