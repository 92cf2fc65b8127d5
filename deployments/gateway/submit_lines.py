"""Many items in one request, one a line: each is answered alone, while the next ones arrive.

The body is NDJSON and so is the answer, a line for each line with its number, HTTP status and the
answer that the item would get alone. Blank lines are skipped. Memory is bounded: of the body one line
and what is in work, of the answer MOST_LINES lines for a caller that reads only after it has written.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import orjson
from fastapi import Request, Response
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from agents.runtime.journal.api_requests import Answer, KeyReused, RequestKey, use_key
from deployments.gateway import idempotency
from deployments.gateway.acceptance import Acceptance
from deployments.gateway.api_versions import asked
from deployments.gateway.group_commit import MOST_TOGETHER, InWork
from deployments.gateway.problems import Problem
from deployments.gateway.request_limits import NDJSON, ONE_ITEM, too_large

MOST_LINES = 20_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the body; `cut` if it is longer than an item may be, and its rest is skipped."""

    number: int
    data: bytes
    cut: bool = False


async def answer_lines(request: Request, accept: Acceptance, key: str | None) -> Response:
    """The answer to a request with many items. Raises Problem 409 and 422 for its key."""
    with ExitStack() as held:
        batch = await _use_key(request, accept, key, held) if key else None
        return _Lines(request, accept, batch, held.pop_all())


async def _use_key(request: Request, accept: Acceptance, key: str, held: ExitStack) -> RequestKey:
    """The key of the request as a whole, used from now on; its lines have keys of their own."""
    used = idempotency.request_key(request, accept.principal, asked(request), key, b"")
    batch = RequestKey(used.tenant, used.key, f"{used.fingerprint} {NDJSON}")
    try:
        held.enter_context(accept.group.alone(batch))
        await use_key(accept.group.database, batch)
    except KeyReused:
        raise idempotency.reused() from None
    except InWork:
        raise idempotency.in_work() from None
    return batch


class _Lines(StreamingResponse):
    """Reads and answers at once: a caller may write all before it reads anything.

    Args:
        request: The request, of which nothing is read yet.
        accept: What accepts its items.
        key: Its key, if it has one.
        held: What is let go at the end.

    """

    def __init__(
        self, request: Request, accept: Acceptance, key: RequestKey | None, held: ExitStack
    ) -> None:
        super().__init__((), media_type=NDJSON)
        self._request, self._accept, self._key, self._held = request, accept, key, held
        self._ready: asyncio.Queue[bytes | Problem | None] = asyncio.Queue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send each answer as soon as its line is committed; a Problem instead if there is none."""
        with self._held:
            reading = asyncio.create_task(self._read())
            try:
                first = await self._ready.get()
                if isinstance(first, Problem):
                    await first.response()(scope, receive, send)
                else:
                    self.body_iterator = self._parts(first, reading)
                    await self.stream_response(send)
            finally:
                reading.cancel()

    async def _parts(
        self, part: bytes | Problem | None, reading: asyncio.Task[None]
    ) -> AsyncIterator[bytes]:
        while isinstance(part, bytes):
            yield part
            part = await self._ready.get()
        await reading  # an answer that breaks off shows that it is not whole

    async def _read(self) -> None:
        """Answer line after line, and say where the rest is not read."""
        number = 0
        try:
            async for lines in _together(self._request):
                number = lines[-1].number
                self._ready.put_nowait(await self._answers(lines))
        except Problem as problem:
            self._ready.put_nowait(_written(number + 1, problem) if number else problem)
        except ClientDisconnect:
            pass  # what was answered is accepted; nobody waits for an answer
        finally:
            self._ready.put_nowait(None)

    async def _answers(self, lines: list[Line]) -> bytes:
        whole = [line for line in lines if not line.cut]
        room = await self._accept.room.take(self._accept.scenario.name, len(whole))
        keyed = [(line.data, self._key_of(line)) for line in whole[:room]]
        found = iter(await self._accept.answers(keyed))
        full = self._accept.room.full(self._accept.scenario.name)
        return b"".join(
            _written(line.number, too_large(ONE_ITEM.most) if line.cut else next(found, full))
            for line in lines
        )

    def _key_of(self, line: Line) -> RequestKey | None:
        if self._key is None:
            return None
        found = idempotency.fingerprint(self._request, asked(self._request), line.data)
        return self._key.of_line(line.number, found)


def _written(number: int, answer: Answer | Problem) -> bytes:
    if isinstance(answer, Problem):
        # the first thing wrong is enough for a line: many lines may have many
        members = {name: value for name, value in answer.body().items() if name != "errors"}
        body = orjson.dumps(members)
    else:
        body = answer.body.encode()
    line = {"line": number, "status": answer.status, "answer": orjson.Fragment(body)}
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


async def _together(request: Request) -> AsyncIterator[list[Line]]:
    """The lines that are there, in groups that fill a commit at most. Raises Problem."""
    ready: list[Line] = []
    async for lines in _lines(request):
        for line in lines:
            if line.number > MOST_LINES:
                if ready:
                    yield ready
                raise _too_many_lines()
            ready.append(line)
            if len(ready) == MOST_TOGETHER:
                yield ready
                ready = []
        if ready:
            yield ready
            ready = []


async def _lines(request: Request) -> AsyncIterator[list[Line]]:
    """The lines that each part of the body completes."""
    splitter = _Splitter()
    async for part in request.stream():
        yield splitter.lines(part)
    yield splitter.lines(b"\n")


@dataclass(slots=True)
class _Splitter:
    """Makes lines of parts, and keeps the beginning of the line that is not complete."""

    held: bytearray = field(default_factory=bytearray)
    number: int = 0
    cut: bool = False

    def lines(self, part: bytes) -> list[Line]:
        """The lines that this part completes, without the blank ones."""
        first, *rest = part.split(b"\n")
        self._extend(first)
        found = []
        for piece in rest:
            found.append(self._line())
            self._extend(piece)
        return [line for line in found if line.cut or line.data.strip()]

    def _extend(self, piece: bytes) -> None:
        self.held += piece[: ONE_ITEM.most + 1 - len(self.held)]
        self.cut = len(self.held) > ONE_ITEM.most

    def _line(self) -> Line:
        self.number += 1
        line = Line(self.number, b"" if self.cut else bytes(self.held), self.cut)
        self.held.clear()
        return line


def _too_many_lines() -> Problem:
    return Problem(
        413,
        "too-many-lines",
        f"the request has more than {MOST_LINES:,} lines; those from here on are not read",
        "send the rest in a further request",
        rule="too-many-lines",
        limit=MOST_LINES,
    )
