"""Server-sent events from the lines of a response.

Source: HTML Living Standard, section 9.2.6, "Interpreting an event stream".
"""

import json
from collections.abc import AsyncIterator

from deployments.client.models import Event

EVENTS = "text/event-stream"


async def events(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    """The events of these lines; comments are left out, and so is an event that breaks off."""
    name, data, last = "", list[str](), ""
    async for line in lines:
        if not line:
            if data:
                yield Event(name or "message", json.loads("\n".join(data)), last)
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id" and "\0" not in value:
            last = value
