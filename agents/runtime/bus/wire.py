"""A message as it travels: JSON in one field. Whatever else arrives is named, never run or guessed at.

Nothing that comes from Redis is believed before the journal has confirmed it (see standing.py).
"""

from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from agents.runtime.bus.topics import LARGEST_BODY

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
