"""Requests that are CloudEvents: what Knative, Eventarc and Event Grid send to a URL.

In binary mode the attributes are headers and the body is the data; in structured mode the body is a JSON
object with both. The attributes say nothing that the journal needs: an event that comes twice finds its
items by their keys.

Sources: CloudEvents 1.0.2, HTTP Protocol Binding, 3.1 and 3.2, and JSON Event Format, 3.1; HTTP 1.1 Web
Hooks for Event Delivery 1.0, 4.1 (Event Grid asks so before it delivers).
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson

from agents.runtime.errors import AgentError
from agents.services.files.limits import DEFAULTS
from agents.services.files.outcomes import Fault
from agents.services.files.strict_json import StrictJson

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch"
REQUIRED = ("id", "source", "specversion", "type")
SPECIFIED = "1.0"
ORIGIN = "webhook-request-origin"


class NotAnEvent(AgentError):
    """The request says that it is a CloudEvent, and is none that is taken; `status` is the answer's."""

    def __init__(self, problem: str, status: int = 400) -> None:
        super().__init__(problem, status)
        self.problem, self.status = problem, status

    def __str__(self) -> str:
        return f"no CloudEvent: {self.problem}"


@dataclass(frozen=True, slots=True)
class Request:
    """A request, however its provider hands it over. The names of `headers` are in small letters."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"

    @property
    def asks_for_permission(self) -> str | None:
        """Who asks whether it may deliver events here; None if the request delivers."""
        return self.headers.get(ORIGIN) if self.method == "OPTIONS" else None

    def data(self) -> bytes:
        """The data of the event, or the body of a request that is none. Raises NotAnEvent."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind.startswith(BATCH):
            raise NotAnEvent("batches are not taken, only single events", 415)
        if kind == STRUCTURED:
            return _structured(self.body)
        if any(name.startswith("ce-") for name in self.headers):
            _check({name: self.headers.get(f"ce-{name}") for name in REQUIRED})
        return self.body


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with their names in small letters, as HTTP compares them."""
    return {name.lower(): value for name, value in headers.items()}


def _structured(body: bytes) -> bytes:
    event = StrictJson(DEFAULTS).parse(body)
    if isinstance(event, Fault):
        raise NotAnEvent(f"the body {event.text}")
    _check(event)
    if "data_base64" in event:
        try:
            return base64.b64decode(str(event["data_base64"]), validate=True)
        except (binascii.Error, ValueError):
            raise NotAnEvent("data_base64 is not Base64") from None
    data, kind = event.get("data"), str(event.get("datacontenttype") or "application/json")
    if data is None:
        return b""
    if isinstance(data, str) and not _is_json(kind):
        return data.encode()
    return orjson.dumps(data, default=_digits)


def _check(attributes: Mapping[str, Any]) -> None:
    for name in REQUIRED:
        if not isinstance(found := attributes.get(name), str) or not found:
            raise NotAnEvent(f"it has no {name}")
    if attributes["specversion"] != SPECIFIED:
        raise NotAnEvent(f"its specversion is not {SPECIFIED}")


def _is_json(kind: str) -> bool:
    subtype = kind.partition(";")[0].strip().lower().rpartition("/")[2]
    return subtype == "json" or subtype.endswith("+json")


def _digits(number: object) -> orjson.Fragment:
    """A number that no float holds, as it was written."""
    assert isinstance(number, Decimal)
    return orjson.Fragment(str(number).encode())
