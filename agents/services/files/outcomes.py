"""What reading a file may give: a record, a bad record, or a file that cannot be read."""

from dataclasses import dataclass

from agents.runtime.errors import PermanentError
from agents.services.files.limits import Limits


@dataclass(frozen=True, slots=True)
class Record:
    """One well-formed record; `line` is the 1-based line or row where it begins."""

    line: int
    body: dict[str, object]


@dataclass(frozen=True, slots=True)
class BadRecord:
    """One record that is not well-formed.

    `rule` is a short machine name, `field` is empty if the whole line is concerned, `message` is
    for a person, `raw` is the beginning of the source's bytes for the rejects file.
    """

    line: int
    rule: str
    field: str
    message: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a value is refused, before it is known where in the file it stands."""

    rule: str
    field: str
    text: str

    def inside(self, parent: str) -> "Fault":
        """The same fault seen from the value that holds it under `parent`."""
        joint = "." if self.field and not self.field.startswith("[") else ""
        return Fault(self.rule, f"{parent}{joint}{self.field}", self.text)

    def at(self, line: int, raw: bytes, limits: Limits) -> BadRecord:
        """The bad record that this fault makes of `line`."""
        place = f"line {line}, field {self.field}" if self.field else f"line {line}"
        message = f"{place}: {self.text} (rule {self.rule})"
        return BadRecord(line, self.rule, self.field, message, raw[: limits.raw_bytes])


BROKEN = frozenset({"truncated", "corrupt"})
"""The rules of a file that is cut or damaged as a whole."""

REFUSES_THE_REST = frozenset({"unclosed-quote", "bad-quote"})
"""The rules after which nothing more of a file is read: that one bad row stands for all that follows."""

ENDS_READING = REFUSES_THE_REST | {"truncated"}
"""The rules of bad records after which nothing more of a file is certain."""


class SourceError(PermanentError):
    """The file as a whole cannot be read, or not to its end; records given before it hold."""

    def __init__(self, rule: str, reason: str, source: str = "") -> None:
        super().__init__(rule, reason, source)
        self.rule, self.reason, self.source = rule, reason, source

    def __str__(self) -> str:
        where = f"{self.source}: " if self.source else ""
        return f"{where}{self.reason} (rule {self.rule})"
