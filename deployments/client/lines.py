"""Many items in one request, one a line, and the answer to each.

What was answered is kept while a request is sent again, so that each item is answered once to the caller.
"""

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from deployments.client.connection import Connection
from deployments.client.errors import GatewayError, Unavailable, error_of
from deployments.client.models import Accepted, LineAnswer

MOST_LINES = 5_000  # of one request; the gateway takes more
MOST_BYTES = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Part:
    """The lines of one request; `first` is the place of the first one among all items."""

    first: int
    lines: list[bytes]


def parts(bodies: Iterable[Any]) -> Iterator[Part]:
    """The items as JSON in parts that one request takes."""
    first, lines, size = 0, list[bytes](), 0
    for body in bodies:
        line = json.dumps(body, separators=(",", ":")).encode()
        if lines and (len(lines) == MOST_LINES or size + len(line) > MOST_BYTES):
            yield Part(first, lines)
            first, lines, size = first + len(lines), [], 0
        lines.append(line)
        size += len(line) + 1
    if lines:
        yield Part(first, lines)


@dataclass(slots=True)
class Batch:
    """One request with its lines, sent until each has an answer that stays."""

    connection: Connection
    path: str
    key: str
    part: Part
    _found: dict[int, LineAnswer] = field(default_factory=dict)
    _given: int = 0

    async def answers(self) -> AsyncIterator[LineAnswer]:
        """The answers in the order of the lines."""
        async for attempt in self.connection.retries.each():
            try:
                async for number, answer in self._send():
                    self._note(number, answer, is_last=attempt.is_last)
                    for ready in self._ready():
                        yield ready
                if self._given == len(self.part.lines):
                    return
                raise Unavailable(503, {"detail": "some items are not answered yet"})
            except (httpx.TransportError, GatewayError) as error:
                attempt.failed(error)

    def _note(self, number: int, answer: LineAnswer, *, is_last: bool) -> None:
        """Keep an answer that stays; another attempt may bring one for an item that must wait."""
        if is_last or not isinstance(answer.error, Unavailable):
            self._found.setdefault(number, answer)

    def _ready(self) -> Iterator[LineAnswer]:
        while self._given in self._found:
            yield self._found.pop(self._given)
            self._given += 1

    async def _send(self) -> AsyncIterator[tuple[int, LineAnswer]]:
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": self.key}
        body = b"\n".join(self.part.lines)
        sent = self.connection.streamed("POST", self.path, content=body, headers=headers)
        async with sent as answer:
            async for line in answer:
                answered = json.loads(line)
                number = answered["line"] - 1
                yield number, self._answer(self.part.first + number, answered)

    def _answer(self, index: int, answered: dict[str, Any]) -> LineAnswer:
        status, answer = answered["status"], answered["answer"]
        if status < 400:
            return LineAnswer(index, Accepted.of(answer))
        return LineAnswer(index, error=error_of(status, answer, None))
