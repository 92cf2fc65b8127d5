"""One message in the hands of a handler: what it writes and the inbox row are one commit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agents.runtime.errors import AgentError
from agents.runtime.messaging.connection import Connection, Transaction
from agents.runtime.messaging.inbox import HANDLED, finish
from agents.runtime.model.message import Envelope
from agents.runtime.testing import failpoint


class AlreadyHandled(AgentError):
    """Another process has handled the message meanwhile: nothing of this handling is kept."""


class Delivery:
    """A message and the transaction that ends its handling.

    `overdue`: it is a request whose caller no longer waits.
    """

    def __init__(
        self, bus: Connection, group: str, envelope: Envelope, *, overdue: bool = False
    ) -> None:
        self.envelope, self.group, self.committed = envelope, group, False
        self.overdue, self.signals = overdue, bus.signals
        self._bus = bus

    @asynccontextmanager
    async def transaction(self, status: str = HANDLED) -> AsyncIterator[Transaction]:
        """The one transaction of this handling: do what is slow before it, and write within it.

        Raises AlreadyHandled if another process was quicker, and TypeError the second time.
        """
        if self.committed:
            raise TypeError(f"{self.group}: a message is handled by one transaction")
        async with self._bus.transaction() as transaction:
            if not await finish(transaction.connection, self.group, self.envelope.id, status):
                raise AlreadyHandled(self.envelope.id)
            yield transaction
            failpoint("bus:handling")
        self.committed = True
