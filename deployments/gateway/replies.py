"""Replies to turns: awaited for a while, as one JSON answer or as server-sent events while they come.

Whatever the caller does, the turn is an item of the journal: its reply comes, and can be read later.
Source: HTML Living Standard, section 9.2, "Server-sent events".
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator

import orjson
from starlette.responses import Response, StreamingResponse

from agents.runtime.context import runtime
from agents.runtime.journal import Journal
from deployments.gateway.conversation_views import TurnView, read_turn

REPLY_SECONDS = 30.0  # for which a request waits for its reply
SOONEST_LOOK, LATEST_LOOK = 0.05, 0.5
LATER_SECONDS = 2  # after which a caller may look for a late reply
EVENTS = "text/event-stream"
# After the end of a sentence, in English and Chinese; what ends a line is a part as well.
_ENDS = ".!?\n\u3002\uff01\uff1f"
_PART = re.compile(rf"[^{_ENDS}]*(?:[{_ENDS}]+\s*|$)")


async def answered(journal: Journal, conversation: str, number: int) -> Response:
    """The turn with its reply, 200; 202 and where it will be if it takes longer."""
    found = [look async for look in looks(journal, conversation, number)][-1]
    where = place_of(conversation, number)
    if found.state == "waiting":
        headers = {"Location": where, "Retry-After": str(LATER_SECONDS)}
        return Response(found.model_dump_json(), 202, headers, "application/json")
    headers = {"Content-Location": where}
    return Response(found.model_dump_json(), 200, headers, "application/json")


def reply_events(journal: Journal, conversation: str, number: int) -> Response:
    """The events of the turn: `status`, parts of the `reply`, `citations`, and `done` or `later`."""
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(
        _events(journal, conversation, number), headers=headers, media_type=EVENTS
    )


async def looks(journal: Journal, conversation: str, number: int) -> AsyncIterator[TurnView]:
    """The turn, now and again until it is answered, the time is over or the gateway ends."""
    loop, pause = asyncio.get_running_loop(), SOONEST_LOOK
    until = loop.time() + REPLY_SECONDS
    while True:
        found = await read_turn(journal, conversation, number)
        assert found is not None, "the caller has just added it"
        yield found
        if found.state != "waiting" or loop.time() >= until or runtime().stop.asked:
            return
        await runtime().stop.wait(pause)
        pause = min(pause * 1.3, LATEST_LOOK)


def place_of(conversation: str, number: int) -> str:
    """Where the turn can be read."""
    return f"/conversations/{conversation}/turns/{number}"


async def _events(journal: Journal, conversation: str, number: int) -> AsyncIterator[bytes]:
    where = place_of(conversation, number)
    yield event("status", {"state": "waiting", "number": number, "turn": where})
    found = TurnView(conversation=conversation, number=number, state="waiting")
    async for look in looks(journal, conversation, number):
        found = look
        yield b": waiting\n\n"  # a comment; without it nobody would notice a caller that went away
    if found.state == "waiting":
        yield event("later", {"turn": where, "retry_after": LATER_SECONDS})
        return
    for part in parts(found.reply):
        yield event("reply", {"text": part})
    if found.citations:
        yield event("citations", {"citations": found.citations})
    yield event("done", found.model_dump(mode="json"))


def parts(text: str) -> Iterator[str]:
    """The text in sentences and lines, which together are the text."""
    return (found[0] for found in _PART.finditer(text) if found[0])


def event(name: str, data: object) -> bytes:
    """One event; JSON has no line break, so its data is one line."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(data))
