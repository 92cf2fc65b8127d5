"""Records written as JSON: one a line, the elements of one array, or one document."""

from collections.abc import Iterator

from agents.services.files.formats import begins_document
from agents.services.files.json_array import array_elements
from agents.services.files.limits import Limits
from agents.services.files.lines import Line, physical_lines
from agents.services.files.outcomes import BadRecord, Fault, Record
from agents.services.files.streams import Stream
from agents.services.files.strict_json import StrictJson

_BLANK = b" \t\r\n"


def json_lines(stream: Stream, limits: Limits) -> Iterator[Record | BadRecord]:
    """One record a line; blank lines are skipped."""
    judge = JsonJudge(limits)
    for line in physical_lines(stream, limits.record_bytes):
        if line.cut or line.data.strip(_BLANK):
            yield judge.line(line)


def json_text(stream: Stream, limits: Limits) -> Iterator[Record | BadRecord]:
    """The elements of an array, or a document, or, misnamed but clear, JSON lines."""
    head = stream.peek()
    if head.lstrip().startswith(b"["):
        judge = JsonJudge(limits)
        return (judge.line(element) for element in array_elements(stream, limits))
    if begins_document(head):
        return _document(stream, limits)
    return json_lines(stream, limits)


def _document(stream: Stream, limits: Limits) -> Iterator[Record | BadRecord]:
    size, held = 0, bytearray()
    while chunk := stream.read():
        size += len(chunk)
        held += chunk[: limits.record_bytes - len(held)]
    data = bytes(held).lstrip(_BLANK)
    first = 1 + held[: len(held) - len(data)].count(b"\n")
    yield JsonJudge(limits).line(Line(first, data, size > limits.record_bytes, ended=False))


class JsonJudge:
    """Makes a record or a bad record of text that should be one JSON object."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._json = limits, StrictJson(limits)

    def line(self, line: Line) -> Record | BadRecord:
        """The record that begins at the line."""
        found = self.body(line)
        if isinstance(found, Fault):
            return found.at(line.number, line.data, self._limits)
        return Record(line.number, found)

    def body(self, line: Line) -> dict[str, object] | Fault:
        """The object in the line."""
        if line.cut:
            return Fault("row-too-long", "", f"longer than {self._limits.record_bytes} bytes")
        found = self._json.parse(line.data)
        cut_off = not line.ended and line.data[:1] in (b"{", b"[")
        if isinstance(found, Fault) and found.rule == "invalid-json" and cut_off:
            return Fault("truncated", "", f"the file ends within the record: {found.text}")
        return found
