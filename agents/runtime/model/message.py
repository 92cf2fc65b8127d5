"""What a message may be: a model under a topic's name and version, as JSON of bounded size."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from agents.runtime.errors import PermanentError
from agents.runtime.model.upcasting import Upcasts, read

M = TypeVar("M", bound=BaseModel)
LARGEST_BODY = 65_536  # bytes; what is larger belongs in a store, and its name in the message


class TooLarge(PermanentError):
    """A message's body exceeds the limit."""

    def __init__(self, topic: str, size: int) -> None:
        super().__init__(topic, size)
        self.topic, self.size = topic, size

    def __str__(self) -> str:
        return (
            f"a message of {self.topic!r} has {self.size} bytes, {LARGEST_BODY} allowed: "
            "store what is large and send where it is"
        )


@dataclass(frozen=True, slots=True)
class Topic(Generic[M]):
    """A kind of message: all of it is `model`, in this version; `upcasts` read older ones."""

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
        """The body that this version wrote. Raises Unreadable."""
        body: M = read(TypeAdapter(self.model), text, version, self.version, self.upcasts)
        return body


Topics = Mapping[str, Topic[Any]]


FIELD = b"message"
LARGEST = LARGEST_BODY * 2 + 4_096  # quotes within the body are escaped once more

Name = Annotated[str, Field(min_length=1, max_length=200)]


class Envelope(BaseModel, frozen=True, extra="forbid", strict=True):
    """What is told of a message beside its body."""

    id: Name
    topic: Name
    version: Annotated[str, Field(pattern=r"^\d{1,6}(\.\d{1,6}){0,3}$")]
    item: int | None
    sequence: int | None
    trace: Annotated[str, Field(pattern=r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]
    body: str


class Malformed(Exception):
    """It is no message; `reason` is the code that its dead letter carries."""

    def __init__(self, reason: str, problem: str) -> None:
        super().__init__(reason, problem)
        self.reason, self.problem = reason, problem

    def __str__(self) -> str:
        return self.problem


def pack(envelope: Envelope) -> dict[bytes, bytes]:
    """The fields of a stream's entry."""
    return {FIELD: envelope.model_dump_json().encode()}


def unpack(fields: dict[bytes, bytes] | None, topic: str) -> Envelope:
    """The message in an entry of this topic's stream. Raises Malformed."""
    raw = original(fields)
    if len(raw) > LARGEST:
        raise Malformed("oversize", f"{len(raw)} bytes, {LARGEST} allowed")
    if fields is None or FIELD not in fields or len(fields) > 1:
        raise Malformed("malformed", "an entry has one field, `message`")
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
    """The bytes as they came, for a dead letter."""
    if not fields:
        return b""
    if len(fields) == 1 and FIELD in fields:
        return fields[FIELD]
    return b"\n".join(part for pair in fields.items() for part in pair)
