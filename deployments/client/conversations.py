"""A conversation: what a customer says, and the replies."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployments.client.connection import Connection
from deployments.client.models import Event, Turn
from deployments.client.server_sent_events import EVENTS, events

LATER_SECONDS = 1.0  # between two looks for a late reply


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation with an id; `connection` has the key of its customer, or one that may read it."""

    connection: Connection
    id: str

    async def say(self, text: str, *, idempotency_key: str) -> Turn:
        """Say something and wait for the reply, however long it takes.

        Args:
            text: What the customer writes.
            idempotency_key: The same for each attempt: the text is said once.

        """
        answer = await self.connection.request(
            "POST",
            f"/conversations/{self.id}/turns",
            json={"text": text},
            headers={"Idempotency-Key": idempotency_key},
        )
        turn = Turn.of(answer.json())
        while turn.state == "waiting":
            await asyncio.sleep(LATER_SECONDS)
            turn = await self.turn(turn.number)
        return turn

    async def stream(self, text: str, *, idempotency_key: str) -> AsyncIterator[Event]:
        """Say something; the events of its reply come while it is written, the last is done or later.

        It is sent once: after a broken connection call it again with the same key.
        """
        headers = {"Accept": EVENTS, "Idempotency-Key": idempotency_key}
        path, said = f"/conversations/{self.id}/turns", {"text": text}
        sent = self.connection.streamed("POST", path, json=said, headers=headers)
        async with sent as answer:
            async for event in events(answer):
                yield event

    async def turn(self, number: int) -> Turn:
        """One turn, with its reply once there is one."""
        answer = await self.connection.request("GET", f"/conversations/{self.id}/turns/{number}")
        return Turn.of(answer.json())

    async def read(self) -> Mapping[str, Any]:
        """What was written in the conversation, and who answers now."""
        found: Mapping[str, Any] = (
            await self.connection.request("GET", f"/conversations/{self.id}")
        ).json()
        return found
