"""What a message may be: a model under a topic's name and version, as JSON of bounded size."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter

from agents.runtime.errors import PermanentError
from agents.runtime.upcasting import Upcasts, read

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
