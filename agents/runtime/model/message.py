"""Messages of the bus: a model under the name and version of a topic, as JSON of bounded size."""

from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from agents.runtime.errors import PermanentError
from agents.runtime.model.upcasting import Upcasts, read

M = TypeVar("M", bound=BaseModel)
LARGEST_BODY = 65_536  # bytes; store larger data elsewhere and send its name


class TooLarge(PermanentError):
    """A message's body exceeds the limit."""

    def __init__(self, topic: str, size: int) -> None:
        super().__init__(topic, size)
        self.topic, self.size = topic, size

    def __str__(self) -> str:
        return (
            f"a message of {self.topic!r} has {self.size} bytes, {LARGEST_BODY} are allowed: "
            "store large data elsewhere and send its name"
        )


@dataclass(frozen=True, slots=True)
class Topic(Generic[M]):
    """A kind of message. `model` is its body in this version; `upcasts` convert older versions."""

    name: str
    model: type[M]
    version: str = "1"
    upcasts: Upcasts = field(default_factory=dict[str, Any])

    def encode(self, body: M) -> str:
        """The body as JSON. Raises TooLarge."""
        text = body.model_dump_json()
        if (size := len(text.encode())) > LARGEST_BODY:
            raise TooLarge(self.name, size)
        return text

    def decode(self, text: str, version: str) -> M:
        """The body from JSON that the given version wrote. Raises Unreadable."""
        body: M = read(_adapter(self.model), text, version, self.version, self.upcasts)
        return body


@cache  # to make one takes longer than to read a message
def _adapter(model: type[M]) -> TypeAdapter[M]:
    return TypeAdapter(model)


FIELD = b"message"
LARGEST = LARGEST_BODY * 2 + 4_096  # bytes; quotes within the body are escaped a second time

Name = Annotated[str, Field(min_length=1, max_length=200)]


class Envelope(BaseModel, frozen=True, extra="forbid", strict=True):
    """A message with its metadata, as it travels through Redis."""

    id: Name
    topic: Name
    version: Annotated[str, Field(pattern=r"^\d{1,6}(\.\d{1,6}){0,3}$")]
    item: int | None
    sequence: int | None
    trace: Annotated[str, Field(pattern=r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]
    body: str


class Malformed(Exception):
    """An entry of a stream that is not a message; `reason` is the code of its dead message."""

    def __init__(self, reason: str, problem: str) -> None:
        super().__init__(reason, problem)
        self.reason, self.problem = reason, problem

    def __str__(self) -> str:
        return self.problem


def pack(envelope: Envelope) -> dict[bytes, bytes]:
    """The envelope as the fields of a stream entry."""
    return {FIELD: envelope.model_dump_json().encode()}


def unpack(fields: dict[bytes, bytes] | None, topic: str) -> Envelope:
    """The envelope in a stream entry of this topic. Raises Malformed."""
    raw = original(fields)
    if len(raw) > LARGEST:
        raise Malformed("oversize", f"{len(raw)} bytes, {LARGEST} are allowed")
    if fields is None or FIELD not in fields or len(fields) > 1:
        raise Malformed("malformed", "an entry must have one field, `message`")
    try:
        envelope = Envelope.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        json = first["type"] == "json_invalid"
        where = ".".join(str(part) for part in first["loc"])
        reason = "undecodable" if json else "malformed"
        raise Malformed(reason, f"{where}: {first['msg']}".lstrip(": ")) from None
    if envelope.topic != topic:
        raise Malformed("wrong-topic", f"{envelope.topic!r} in the stream of {topic!r}")
    return envelope


def original(fields: dict[bytes, bytes] | None) -> bytes:
    """The bytes of a stream entry as they arrived, for a dead message."""
    if not fields:
        return b""
    if len(fields) == 1 and FIELD in fields:
        return fields[FIELD]
    return b"\n".join(part for pair in fields.items() for part in pair)
